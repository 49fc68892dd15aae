// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of TCEs into a hypervisor's table, see papr_tce.hpp.
 */
#include "papr_tce.hpp"

namespace tce::papr {

namespace {

/*
 * Often it is busy for a moment only: worth so many tries, with 1, 2, 4, ... us
 * between.
 */
constexpr unsigned int kQuickTries = 6;

template <class Call> long call_quickly(Call call, u32 &calls)
{
	long status = kBusy;

	for (unsigned int i = 0; i < kQuickTries; i++) {
		if (i)
			tce_port_delay_us(1u << (i - 1));
		status = call();
		calls++;
		if (status != kBusy)
			break;
	}
	return status;
}

long put_one(Target to, unsigned int i, u64 tce, u32 &calls)
{
	const Iova at = to.first + (static_cast<u64>(i) << to.page.lg2());

	return call_quickly([&] { return tce_port_h_put_tce(to.liobn, at.raw, tce); }, calls);
}

} /* namespace */

long put_run(Target to, const Be64 *list, unsigned int nr, u32 &calls)
{
	if (nr > 1 && tce_port_has_multitce())
		return call_quickly(
			[&] {
				return tce_port_h_put_tce_indirect(to.liobn, to.first.raw, list,
								   nr);
			},
			calls);

	for (unsigned int i = 0; i < nr; i++) {
		if (const long status = put_one(to, i, list[i].to_cpu(), calls); status != kSuccess)
			return status;
	}
	return kSuccess;
}

long clear_run(Target to, unsigned int nr, u32 &calls)
{
	if (nr > 1 && tce_port_has_multitce())
		return call_quickly(
			[&] { return tce_port_h_stuff_tce(to.liobn, to.first.raw, 0, nr); }, calls);

	/*
	 * Go on after a refusal, the more is closed the better; but not with
	 * one that is only busy.
	 */
	long first = kSuccess;

	for (unsigned int i = 0; i < nr; i++) {
		const long status = put_one(to, i, 0, calls);

		if (is_busy(status))
			return status;
		if (first == kSuccess)
			first = status;
	}
	return first;
}

} /* namespace tce::papr */
