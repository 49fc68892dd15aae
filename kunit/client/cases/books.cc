// SPDX-License-Identifier: GPL-2.0-only
//
// What the administrator is told of a container: debugfs' books and the
// tracepoints.
#include "files.hpp"
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <unistd.h>
#include <vector>

namespace client {
namespace {

constexpr const char *BOOKS = "/sys/kernel/debug/vfio_tce/containers";

std::vector<std::string> lines_of(const std::string &text)
{
	std::vector<std::string> lines;
	for (std::size_t from = 0; from < text.size();) {
		const std::size_t end = std::min(text.find('\n', from), text.size());
		lines.push_back(text.substr(from, end - from));
		from = end + 1;
	}
	return lines;
}

// The records of this process' container, one a line; nothing if it is not
// there.
std::vector<std::string> own_books()
{
	const std::string wanted = cat(" pid=", getpid(), " ");
	std::vector<std::string> own;
	bool mine = false;
	const std::string text = read_file(BOOKS).value_or("");
	check(cat(text, "\n").starts_with("format 1\n"),
	      cat("the books do not begin with their format: ", text));
	for (const std::string &line : lines_of(text)) {
		if (line.starts_with("container "))
			mine = line.find(wanted) != line.npos;
		if (mine)
			own.push_back(line);
	}
	return own;
}

void expect_line(const std::vector<std::string> &books, std::string_view begin,
		 std::initializer_list<std::string> words)
{
	std::string all;
	for (const std::string &line : books) {
		all += line + "\n";
		bool good = line.starts_with(begin);
		for (const std::string &word : words)
			good = good &&
			       cat(line, " ").find(cat(" ", word, " ")) != std::string::npos;
		if (good)
			return;
	}
	std::string what{ begin };
	for (const std::string &word : words)
		what += " " + word;
	check(false, cat("the books have no \"", what, "\":\n", all));
}

CASE(books, tell_of_a_container)
{
	{
		Session session;
		const Memory memory = Memory::pages(4 * page_size());
		session.registered(memory);
		const Window window = session.window(12, MiB);
		session.mapped(memory.address(), window.start, 3 * TCE_PAGE);
		expect(session->map(memory.address(), window.end(), TCE_PAGE), refused(ENXIO),
		       "MAP behind the window");

		const auto books = own_books();
		expect_line(books, "container ", { "version=2", "uid=0", "comm=client", "kvm=0" });
		expect_line(books, "group ",
			    { cat("id=", host().edus[0].group),
			      cat("platform=", host().powernv ? "powernv" : "pseries") });
		expect_line(books, "window slot=0 ", { "start=0x0", "page=0x1000", "live=0" });
		expect_line(books, "window slot=1 ",
			    { cat("start=", Hex{ window.start }), cat("size=", Hex{ window.size }),
			      "live=3", cat("walked=", host().powernv ? "yes" : "no"), "kvm=no" });
		expect_line(books, "memory ",
			    { "regions=1", cat("bytes=", memory.size()), "mapped=3" });
		expect_line(books, "refused ",
			    { "call=map", cat("errno=", ENXIO), "count=1",
			      "reason=no\\040window\\040is\\040there" });
	}
	check(own_books().empty(), "a container that is closed stays in the books");
}

// The hypervisor of the emulated host offers no EEH.
CASE(books, why_there_is_no_eeh, .papr = true)
{
	Session session;
	vfio_eeh_pe_op op{};
	op.argsz = sizeof op;
	op.op = VFIO_EEH_PE_ENABLE;
	expect(session->ioctl(VFIO_EEH_PE_OP, &op), refused(ENODEV), "EEH_PE_OP");
	expect_line(own_books(), "refused ",
		    { "call=eeh", cat("errno=", ENODEV), "count=1",
		      "reason=there\\040is\\040no\\040EEH\\040for\\040this\\040group" });
}

// They say who uses what: only root reads them.
CASE(books, are_roots)
{
	check(access(BOOKS, R_OK) == 0, "root cannot read the books");
	Child other{ [] {
		const bool kept_out = !setresuid(65534, 65534, 65534) && access(BOOKS, R_OK) < 0;
		return kept_out ? 0 : 1;
	} };
	expect(other.wait(), 0, "somebody else who tries to read the books");
}

// Each kind of event is there, with what it is about.
CASE(books, tracepoints)
{
	const std::string tracing = "/sys/kernel/debug/tracing/";
	const std::string ours = tracing + "events/vfio_tce/enable";
	if (!exists(ours))
		skip("this kernel does not trace");
	struct Off {
		const std::string &file;
		~Off() { write_file(file, "0"); }
	} off{ ours };

	write_file(tracing + "trace", "");
	expect(write_file(ours, "1"), OK, "vfio_tce/enable");
	{
		Session session;
		const Memory memory = Memory::pages(2 * page_size());
		session.registered(memory);
		const Window window = session.window(12, MiB);
		session.mapped(memory.address(), window.start, 2 * TCE_PAGE);
		expect(session->map(memory.address(), window.end(), TCE_PAGE), refused(ENXIO),
		       "MAP behind the window");
		session.unmapped(window.start, 2 * TCE_PAGE);
		expect(session->remove(window.start), OK, "REMOVE");
		expect(session->unregister_memory(memory), OK, "UNREGISTER");
	}
	write_file(ours, "0");

	const std::string trace = read_file(tracing + "trace").value_or("");
	for (const char *wanted :
	     { "container_open: container=", "version=2",
	       "group_attach: ", "register: ", "window_create: ", "page_shift=12 size=0x100000 ",
	       " map: ", "publish: ", "nr=2 status=0",
	       "refuse: ", "call=map ret=-6 reason=no window is there", " unmap: ",
	       "window_remove: ", "unregister: ", "group_detach: ", "container_close: " })
		check(trace.find(wanted) != trace.npos,
		      cat("no \"", wanted, "\" in the trace:\n", trace.substr(0, 4000)));
}

} // namespace
} // namespace client
