// SPDX-License-Identifier: GPL-2.0-only
#include "slow.hpp"

#include "arena.hpp"
#include "handles.hpp"

#include "memory.hpp"
#include "slow_file.hpp"
#include "vfio.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <optional>
#include <thread>

namespace client::hostile {

namespace {

constexpr u64 PAGES = 16;

// Pages that are not there yet, again and again.
class Slow {
public:
	explicit Slow(SlowFile &file) : file_{ file } {}

	u64 address() const { return place_.address(); }
	u64 size() const { return place_.size(); }
	void forget() { file_.renew(place_.bytes().data(), size()); }

private:
	SlowFile &file_;
	Memory place_ = Memory::nothing(PAGES * page_size());
};

// Registers slow memory, maps it, and takes it back; in an old container it is
// MAP that pins it.
void use(const Container &container, Slow &memory, Diary &diary)
{
	const u64 address = memory.address();
	const u64 size = memory.size();
	const auto call = [&](const char *name, const auto &what) {
		Entry entry{
			diary, name, { address, size }
		};
		return entry.ends(what());
	};
	memory.forget();
	call("REGISTER slow memory", [&] { return container.register_memory(address, size); });
	call("MAP slow memory", [&] { return container.map(address, 0, size); });
	call("UNMAP slow memory", [&] { return container.unmap(0, size); });
	call("UNREGISTER slow memory", [&] { return container.unregister_memory(address, size); });
	::usleep(1000);
}

// One registration of an owner waits for the other.
void use_beside(const Container &container, const Memory &memory, Diary &diary)
{
	Entry entry{ diary, "REGISTER beside slow memory", { memory.address() } };
	entry.ends(container.register_memory(memory));
	container.unregister_memory(memory);
	::usleep(20000);
}

// The kernel copies an answer to slow memory.
void ask(const Container &container, Slow &memory, Diary &diary)
{
	memory.forget();
	Entry entry{ diary, "GET_INFO in slow memory", { memory.address() } };
	entry.ends(::ioctl(container.fd(), VFIO_IOMMU_SPAPR_TCE_GET_INFO, memory.address()));
	::usleep(1000);
}

} // namespace

void slow(int group, int mail, u64 seed)
{
	const auto enter = [] { Books::get().enter(false, false); };
	enter();
	Random random{ seed };
	const bool never = !random.one_in(3);
	const auto file_of = [&](u64 part) {
		Random own{ seed_of(seed, part) };
		return SlowFile::make(enter, [never, own]() mutable {
			return never ? -1 : static_cast<long>(own.below(60000));
		});
	};
	auto one = file_of(1);
	auto two = file_of(2);
	if (!one || !two)
		return;

	const Container container;
	int target = container.fd();
	::ioctl(group, VFIO_GROUP_SET_CONTAINER, &target);
	const bool old = random.one_in(4);
	container.set_iommu(old ? VFIO_SPAPR_TCE_IOMMU : VFIO_SPAPR_TCE_v2_IOMMU);
	if (old)
		container.ioctl(VFIO_IOMMU_ENABLE, 0ul);
	// Whoever registers first owns a container.
	const Memory quick = Memory::pages(page_size());
	container.register_memory(quick);
	container.unregister_memory(quick);
	// An old container's MAP pins with the container's lock held: who is
	// passed it waits until he is killed, and nobody here is to be killed
	// before he has closed.
	if (!old)
		Handles::send(mail, container.fd(), true);

	std::vector<std::thread> threads;
	const auto again_and_again = [&](const char *role, const auto &what) {
		threads.emplace_back([role, what] {
			Diary &diary = Books::get().open_diary(role);
			for (;;)
				what(diary);
		});
	};
	Slow memory{ *one };
	Slow other{ *two };
	again_and_again("slow", [&](Diary &diary) { use(container, memory, diary); });
	again_and_again("beside slow", [&](Diary &diary) { use_beside(container, quick, diary); });
	again_and_again("slow argument", [&](Diary &diary) { ask(container, other, diary); });
	for (;;)
		::pause();
}

} // namespace client::hostile
