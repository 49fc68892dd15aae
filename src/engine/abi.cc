// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of engine.h: handles to objects, results to errno.
 */
#include "container.hpp"

using tce::Container;
using tce::Iova;
using tce::Uaddr;
using tce::Window;

namespace {

Container &container(tce_container *c)
{
	return *reinterpret_cast<Container *>(c);
}

Window &window(tce_table *t)
{
	return *reinterpret_cast<Window *>(t);
}

/* KVM counts entries from bus address 0. */
tce::TceIndex relative(const Window &w, tce_u64 index)
{
	return tce::TceIndex(index - (w.start().raw >> w.page().lg2()));
}

} /* namespace */

/* --- Containers ----------------------------------------------------------- */

extern "C" int tce_container_create(tce_version version, tce_container **out)
{
	auto *c = tce::make_object<Container>(version, tce_port_random());

	if (!c)
		return static_cast<int>(tce::Errc::NoMem);
	*out = reinterpret_cast<tce_container *>(c);
	return 0;
}

extern "C" void tce_container_close(tce_container *c)
{
	container(c).close();
}

extern "C" void tce_container_free(tce_container *c)
{
	tce::destroy_object(&container(c));
}

extern "C" int tce_container_attach(tce_container *c, tce_port_group *grp,
				    const tce_group_caps *caps)
{
	return container(c).attach(grp, *caps).to_errno();
}

extern "C" void tce_container_detach(tce_container *c, tce_port_group *grp)
{
	container(c).detach(grp);
}

extern "C" int tce_container_get_info(tce_container *c, tce_info *info)
{
	return container(c).get_info(*info).to_errno();
}

extern "C" int tce_container_enable(tce_container *c)
{
	return container(c).enable().to_errno();
}

extern "C" int tce_container_disable(tce_container *c)
{
	return container(c).disable().to_errno();
}

extern "C" int tce_container_register(tce_container *c, tce_u32 flags, tce_u64 vaddr, tce_u64 size)
{
	return container(c).register_memory(flags, Uaddr(vaddr), size).to_errno();
}

extern "C" int tce_container_unregister(tce_container *c, tce_u32 flags, tce_u64 vaddr,
					tce_u64 size)
{
	return container(c).unregister_memory(flags, Uaddr(vaddr), size).to_errno();
}

extern "C" int tce_container_create_window(tce_container *c, tce_u32 flags, tce_u32 page_shift,
					   tce_u64 window_size, tce_u32 levels, tce_u64 *start)
{
	auto created = container(c).create_window(flags, page_shift, window_size, levels);

	if (!created.ok())
		return static_cast<int>(created.error());
	*start = created.value().raw;
	return 0;
}

extern "C" int tce_container_remove_window(tce_container *c, tce_u32 flags, tce_u64 start)
{
	return container(c).remove_window(flags, Iova(start)).to_errno();
}

extern "C" int tce_container_map(tce_container *c, tce_u32 flags, tce_u64 vaddr, tce_u64 iova,
				 tce_u64 size)
{
	return container(c).map(flags, Uaddr(vaddr), Iova(iova), size).to_errno();
}

extern "C" int tce_container_unmap(tce_container *c, tce_u32 flags, tce_u64 iova, tce_u64 size)
{
	return container(c).unmap(flags, Iova(iova), size).to_errno();
}

extern "C" const char *tce_container_reason(tce_container *c)
{
	return container(c).take_reason();
}

extern "C" void tce_container_show(tce_container *c, tce_book *book)
{
	container(c).show(book);
}

/* --- Tables, for KVM ------------------------------------------------------ */

extern "C" int tce_table_xchg(tce_table *t, tce_u64 index, tce_u64 *hpa, tce_u32 *perm)
{
	Window &w = window(t);
	const int err = w.exchange(relative(w, index), tce::Hpa(*hpa), tce::Perm(*perm)).to_errno();

	if (!err) {
		*hpa = 0;
		*perm = TCE_PERM_NONE;
	}
	return err;
}

extern "C" void tce_table_kill(tce_table *t, tce_u64 index, tce_u64 nr)
{
	Window &w = window(t);
	const tce::TceIndex first = relative(w, index);

	if (!nr || first.raw >= w.geometry().entries())
		return;
	nr = tce::min(nr, w.geometry().entries() - first.raw);
	w.kill({ first, first + nr });
}

extern "C" void *tce_table_useraddr(tce_table *t, tce_u64 index, int alloc)
{
	Window &w = window(t);

	/* Without: KVM is about to drop a note, which it never has to. */
	return alloc ? w.user_slot(relative(w, index)) : nullptr;
}

extern "C" void tce_table_flush(tce_table *t)
{
	window(t).flush();
}

extern "C" void tce_table_release(tce_table *t)
{
	window(t).unref();
}
