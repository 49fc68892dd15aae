/* SPDX-License-Identifier: GPL-2.0-only */
/* A container over the null port, and what userspace and KVM do with it. */
#ifndef TCE_BENCH_MACHINE_HPP
#define TCE_BENCH_MACHINE_HPP

#include "null_port.hpp"
#include "paths.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

struct tce_port_group {};

namespace bench {

using u64 = unsigned long long;

constexpr u64 kUser = 1ull << 40;

inline void must(int rc, const char *what)
{
	if (!rc)
		return;
	std::fprintf(stderr, "%s: %d\n", what, rc);
	std::exit(1);
}

/* A container with a window of a shape, and memory for all of it. */
class Machine {
public:
	explicit Machine(const Shape &shape) : shape_(shape)
	{
		tce_group_caps caps = {};

		caps.platform = shape.walked ? TCE_PLATFORM_IODA2 : TCE_PLATFORM_PAPR;
		caps.flags = TCE_GROUP_HAS_DDW;
		caps.node = -1;
		caps.default_size = 1ull << 30;
		caps.second_start = 1ull << 59;
		caps.pgsizes = ~0ull << 12;
		caps.max_windows = TCE_MAX_WINDOWS;
		null::reset({ .system_shift = shape.system_shift });
		must(tce_container_create(TCE_V2, &container_), "create");
		for (unsigned int i = 0; i < shape.groups; i++) {
			caps.default_liobn = 100 + i;
			must(tce_container_attach(container_, &groups_.at(i), &caps), "attach");
		}
		must(tce_container_register(container_, 0, kUser, size()), "register");
		before_ = null::port.allocated;
		must(tce_container_create_window(container_, 0, shape.page_shift, size(),
						 shape.levels, &start_),
		     "create window");
		/* It is the second one, or takes the place of the first. */
		table_ = null::port.table[1] ? null::port.table[1] : null::port.table[0];
	}
	~Machine()
	{
		for (unsigned int i = 0; i < shape_.groups; i++)
			tce_container_detach(container_, &groups_.at(i));
		tce_container_close(container_);
		tce_container_free(container_);
	}
	Machine(const Machine &) = delete;
	Machine &operator=(const Machine &) = delete;

	[[nodiscard]] u64 entries() const { return 1ull << shape_.entries_lg2; }
	[[nodiscard]] u64 size() const { return entries() << shape_.page_shift; }
	[[nodiscard]] u64 allocated() const { return null::port.allocated - before_; }

	void map(u64 first, u64 nr)
	{
		must(tce_container_map(container_, TCE_MAP_READ | TCE_MAP_WRITE, user(first),
				       start_ + (first << shape_.page_shift),
				       nr << shape_.page_shift),
		     "map");
	}
	void unmap(u64 first, u64 nr)
	{
		must(tce_container_unmap(container_, 0, start_ + (first << shape_.page_shift),
					 nr << shape_.page_shift),
		     "unmap");
	}

	/*
	 * What KVM does for an entry: kvmppc_tce_iommu_do_map(), _do_unmap().
	 */
	void kvm_map(u64 index)
	{
		auto *slot =
			static_cast<volatile u64 *>(tce_table_useraddr(table_, absolute(index), 1));
		u64 hpa = user(index);
		tce_u32 perm = TCE_PERM_READ | TCE_PERM_WRITE;

		if (!slot)
			must(-1, "no slot");
		must(tce_port_mem_map(null::last_memory(), 1), "mapped_inc");
		must(tce_table_xchg(table_, absolute(index), &hpa, &perm), "exchange");
		*slot = __builtin_bswap64(user(index));
	}
	void kvm_clear(u64 index)
	{
		u64 hpa = 0;
		tce_u32 perm = TCE_PERM_NONE;

		must(tce_table_xchg(table_, absolute(index), &hpa, &perm), "exchange");
	}
	void kvm_kill(u64 index, u64 nr) { tce_table_kill(table_, absolute(index), nr); }

private:
	/* As KVM counts: from bus address 0. */
	[[nodiscard]] u64 absolute(u64 index) const
	{
		return (start_ >> shape_.page_shift) + index;
	}
	[[nodiscard]] u64 user(u64 index) const { return kUser + (index << shape_.page_shift); }

	const Shape shape_;
	tce_container *container_ = nullptr;
	std::array<tce_port_group, 4> groups_;
	u64 start_ = 0;
	u64 before_ = 0;
	tce_table *table_ = nullptr;
};

} /* namespace bench */

#endif /* TCE_BENCH_MACHINE_HPP */
