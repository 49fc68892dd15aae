// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tables cost their owner, see charge.hpp.
 */
#include "charge.hpp"

namespace tce {

namespace {

Status charge(tce_log_who *log, tce_mm *mm, u64 pages, const char *what)
{
	Status status = Status::from_port(tce_port_charge(mm, pages));

	if (!status.ok())
		tce_port_log_memlock(log, mm, pages, what);
	return status;
}

} /* namespace */

Status TableCharge::grow(TableCost more)
{
	Guard guard(lock_);
	const TableCost sum = { cost_.leaves + more.leaves, cost_.nodes + more.nodes };

	if (dropped_)
		return Errc::NoDev;
	TCE_TRY(charge(log_, mm_, pages(sum) - pages(cost_), "tables"));
	cost_ = sum;
	show();
	return {};
}

void TableCharge::shrink(TableCost less)
{
	Guard guard(lock_);

	if (dropped_ || !TCE_ASSERT(less.leaves <= cost_.leaves && less.nodes <= cost_.nodes))
		return;

	const TableCost rest = { cost_.leaves - less.leaves, cost_.nodes - less.nodes };

	tce_port_uncharge(mm_, pages(cost_) - pages(rest));
	cost_ = rest;
	show();
}

void TableCharge::drop()
{
	Guard guard(lock_);

	tce_port_uncharge(mm_, pages(cost_));
	cost_ = {};
	show();
	dropped_ = true;
}

/* Less is always possible. */
Status PinCharge::settle(u64 allowed, u64 pins)
{
	lock_.assert_held();

	const unsigned int shift = tce_port_page_shift();
	const u64 more = pins > allowed ? (pins - allowed) << kPage.lg2() : 0;
	const u64 pages =
		(allowed << kPage.lg2() >> shift) + ((more + (1ull << shift) - 1) >> shift);

	if (pages > charged_)
		TCE_TRY(charge(log_, mm_, pages - charged_, "memory to map"));
	if (pages < charged_)
		tce_port_uncharge(mm_, charged_ - pages);
	charged_ = pages;
	allowed_ = allowed;
	pins_ = pins;
	shown_.store_relaxed(pages);
	return {};
}

Status PinCharge::allow(tce_mm *mm, u64 iommu_pages, tce_log_who *log)
{
	Guard guard(lock_);

	mm_ = mm;
	log_ = log;
	return settle(iommu_pages, pins_);
}

void PinCharge::disallow()
{
	Guard guard(lock_);

	if (!charged_)
		return;
	/* Rounding may want one page more: then what was charged stays. */
	Status settled = settle(0, pins_);

	(void)settled;
}

Status PinCharge::grow(u64 nr)
{
	Guard guard(lock_);

	return settle(allowed_, pins_ + nr);
}

void PinCharge::shrink(u64 nr)
{
	Guard guard(lock_);

	if (!TCE_ASSERT(nr <= pins_))
		return;
	TCE_ASSERT(settle(allowed_, pins_ - nr).ok());
}

void PinCharge::drop()
{
	Guard guard(lock_);

	if (charged_)
		tce_port_uncharge(mm_, charged_);
	charged_ = 0;
	shown_.store_relaxed(0);
}

} /* namespace tce */
