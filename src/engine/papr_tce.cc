// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of TCEs into a hypervisor's table, see papr_tce.hpp.
 */
#include "papr_tce.hpp"

namespace tce::papr {

namespace {

/*
 * A hypervisor that is busy is asked again after the time it names.  There is an end to it: at 1 ms to
 * 1 s a time (the port's cap) this is not reached by one that works.
 */
constexpr unsigned int kPatience = 100;

template <class Call> Errc call_until_done(Call call, u32 &calls)
{
	long status = kBusy;

	for (unsigned int i = 0; i < kPatience; i++) {
		status = call();
		calls++;
		if (!is_busy(status))
			break;
		tce_port_h_wait(status);
	}
	return to_errc(status);
}

Errc put_one(Target to, unsigned int i, u64 tce, u32 &calls)
{
	const Iova at = to.first + (static_cast<u64>(i) << to.page.lg2());

	return call_until_done([&] { return tce_port_h_put_tce(to.liobn, at.raw, tce); }, calls);
}

} /* namespace */

Status put_run(Target to, const Be64 *list, unsigned int nr, u32 &calls)
{
	if (nr > 1 && tce_port_has_multitce())
		return call_until_done(
			[&] {
				return tce_port_h_put_tce_indirect(to.liobn, to.first.raw, list,
								   nr);
			},
			calls);

	for (unsigned int i = 0; i < nr; i++) {
		if (Errc e = put_one(to, i, list[i].to_cpu(), calls); e != Errc::Ok)
			return e;
	}
	return {};
}

Status clear_run(Target to, unsigned int nr, u32 &calls)
{
	if (nr > 1 && tce_port_has_multitce())
		return call_until_done(
			[&] { return tce_port_h_stuff_tce(to.liobn, to.first.raw, 0, nr); }, calls);

	/* Go on after a refusal, the more is closed the better; but not with one that is only busy. */
	Errc first = Errc::Ok;

	for (unsigned int i = 0; i < nr; i++) {
		const u32 before = calls;
		const Errc e = put_one(to, i, 0, calls);

		if (e != Errc::Ok && first == Errc::Ok)
			first = e;
		if (calls - before == kPatience)
			break;
	}
	return first;
}

} /* namespace tce::papr */
