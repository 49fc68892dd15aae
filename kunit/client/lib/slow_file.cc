// SPDX-License-Identifier: GPL-2.0-only
#include "slow_file.hpp"

#include <linux/fuse.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

namespace client {

namespace {

constexpr u64 FILE_ID = 2; // FUSE_ROOT_ID is the directory
constexpr u64 FILE_SIZE = 64 * GiB;
constexpr u64 LONG = 1000000; // seconds that an answer holds

class Server {
public:
	Server(int fuse, const std::function<long()> &brings) : fuse_{ fuse }, brings_{ brings } {}

	[[noreturn]] void run()
	{
		std::vector<char> request(128 * KiB);
		for (;;) {
			const ssize_t got = ::read(fuse_, request.data(), request.size());
			if (got < 0 && errno == ENODEV)
				::_exit(0); // nobody has the file any more
			if (got >= static_cast<ssize_t>(sizeof(fuse_in_header)))
				answer(*reinterpret_cast<const fuse_in_header *>(request.data()));
		}
	}

private:
	void answer(const fuse_in_header &request) const
	{
		switch (request.opcode) {
		case FUSE_INIT: {
			fuse_init_out out{};
			out.major = FUSE_KERNEL_VERSION;
			out.minor = FUSE_KERNEL_MINOR_VERSION;
			out.max_write = 4096;
			// No readahead: each page is waited for.
			return reply(request, &out, sizeof out);
		}
		case FUSE_LOOKUP: {
			fuse_entry_out out{};
			out.nodeid = FILE_ID;
			out.entry_valid = out.attr_valid = LONG;
			out.attr = attributes(FILE_ID);
			return reply(request, &out, sizeof out);
		}
		case FUSE_GETATTR: {
			fuse_attr_out out{};
			out.attr_valid = LONG;
			out.attr = attributes(request.nodeid);
			return reply(request, &out, sizeof out);
		}
		case FUSE_OPEN: {
			const fuse_open_out out{};
			return reply(request, &out, sizeof out);
		}
		case FUSE_READ:
			return bring(request,
				     *reinterpret_cast<const fuse_read_in *>(&request + 1));
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			return; // no answer is expected
		default:
			return reply(request, nullptr, 0, -ENOSYS);
		}
	}

	void bring(const fuse_in_header &request, const fuse_read_in &what) const
	{
		const long time = brings_();
		if (time < 0)
			return;
		::usleep(static_cast<u32>(time));
		const std::vector<char> page(what.size);
		reply(request, page.data(), page.size());
	}

	static fuse_attr attributes(u64 node)
	{
		fuse_attr attr{};
		attr.ino = node;
		attr.size = node == FILE_ID ? FILE_SIZE : 0;
		attr.mode = node == FILE_ID ? S_IFREG | 0600 : S_IFDIR | 0700;
		attr.nlink = 1;
		return attr;
	}

	void reply(const fuse_in_header &request, const void *data, size_t size,
		   int error = 0) const
	{
		fuse_out_header head{ static_cast<u32>(sizeof head + size), error, request.unique };
		const std::array parts{
			iovec{ &head,		      sizeof head },
			     iovec{ const_cast<void *>(data), size	   }
		};
		// Who asked may have been killed meanwhile.
		if (::writev(fuse_, parts.data(), size ? 2 : 1) < 0 && errno != ENOENT)
			::_exit(1);
	}

	int fuse_;
	const std::function<long()> &brings_;
};

} // namespace

std::optional<SlowFile> SlowFile::make(const std::function<void()> &first,
				       const std::function<long()> &brings)
{
	Fd fuse{ ::open("/dev/fuse", O_RDWR | O_CLOEXEC) };
	if (!fuse)
		return {};
	const std::string place = cat("/tmp/slow-", ::getpid());
	::mkdir("/tmp", 0777);
	::mkdir(place.c_str(), 0700);
	const std::string options = cat("fd=", fuse.get(), ",rootmode=40000,user_id=0,group_id=0");
	if (::mount("slow", place.c_str(), "fuse", 0, options.c_str()) != 0)
		fail(cat("mount of a FUSE file system: ", Status{ -errno }));
	const pid_t pid = ::fork();
	if (pid < 0)
		fail(cat("fork: ", Status{ -errno }));
	if (pid == 0) {
		first();
		Server{ fuse.get(), brings }.run();
	}
	// Only the server's is left, or its death would not end anything.
	fuse.close();
	Fd file{ ::open((place + "/file").c_str(), O_RDONLY | O_CLOEXEC) };
	const int error = errno;
	// It stays as long as the file is used.
	::umount2(place.c_str(), MNT_DETACH);
	::rmdir(place.c_str());
	if (!file)
		fail(cat("a file of a FUSE server: ", Status{ -error }));
	return SlowFile{ std::move(file) };
}

void SlowFile::renew(void *base, u64 size)
{
	void *at = ::mmap(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file_.get(),
			  static_cast<off_t>(next_));
	if (at == MAP_FAILED)
		fail(cat("mmap of a FUSE file: ", Status{ -errno }));
	next_ = (next_ + size) % FILE_SIZE;
}

} // namespace client
