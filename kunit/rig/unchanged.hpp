// SPDX-License-Identifier: GPL-2.0-only
/* Calls that are refused. */
#ifndef TCE_RIG_UNCHANGED_HPP
#define TCE_RIG_UNCHANGED_HPP

#include "rig.hpp"

namespace fake {

/* What a refused call may not change. */
class Unchanged {
public:
	explicit Unchanged(Rig &r)
		: w_(r.w),
		  locked_{ w_.locked_vm(0), w_.locked_vm(1) },
		  mems_(w_.live_mems()),
		  tces_(w_.live_tces()),
		  ktables_(w_.live_ktables),
		  blocks_(w_.live_blocks),
		  hcalls_(w_.hcall_total())
	{
	}
	~Unchanged()
	{
		TCE_EXPECT_EQ(w_.locked_vm(0), locked_[0]);
		TCE_EXPECT_EQ(w_.locked_vm(1), locked_[1]);
		TCE_EXPECT_EQ(w_.live_mems(), mems_);
		TCE_EXPECT_EQ(w_.live_tces(), tces_);
		TCE_EXPECT_EQ(w_.live_ktables, ktables_);
		TCE_EXPECT_EQ(w_.live_blocks, blocks_);
		TCE_EXPECT_EQ(w_.hcall_total(), hcalls_);
	}
	Unchanged(const Unchanged &) = delete;
	Unchanged &operator=(const Unchanged &) = delete;

private:
	World &w_;
	const u64 locked_[2], mems_, tces_, ktables_, blocks_, hcalls_;
};

} // namespace fake

#endif /* TCE_RIG_UNCHANGED_HPP */
