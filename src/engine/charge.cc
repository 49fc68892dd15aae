// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tables cost their owner, see charge.hpp.
 */
#include "charge.hpp"

namespace tce {

Status TableCharge::grow(u64 bytes)
{
	Guard guard(lock_);

	if (dropped_)
		return Errc::NoDev;
	TCE_TRY(Status::from_port(tce_port_charge(mm_, pages(bytes_ + bytes) - pages(bytes_))));
	bytes_ += bytes;
	return {};
}

void TableCharge::shrink(u64 bytes)
{
	Guard guard(lock_);

	if (dropped_ || !TCE_ASSERT(bytes <= bytes_))
		return;
	tce_port_uncharge(mm_, pages(bytes_) - pages(bytes_ - bytes));
	bytes_ -= bytes;
}

void TableCharge::drop()
{
	Guard guard(lock_);

	tce_port_uncharge(mm_, pages(bytes_));
	bytes_ = 0;
	dropped_ = true;
}

/* Less is always possible. */
Status PinCharge::settle(u64 allowed, u64 pins)
{
	const unsigned int shift = tce_port_page_shift();
	const u64 more = pins > allowed ? (pins - allowed) << kPage.lg2() : 0;
	const u64 pages =
		(allowed << kPage.lg2() >> shift) + ((more + (1ull << shift) - 1) >> shift);

	if (pages > charged_)
		TCE_TRY(Status::from_port(tce_port_charge(mm_, pages - charged_)));
	if (pages < charged_)
		tce_port_uncharge(mm_, charged_ - pages);
	charged_ = pages;
	allowed_ = allowed;
	pins_ = pins;
	return {};
}

Status PinCharge::allow(tce_mm *mm, u64 iommu_pages)
{
	Guard guard(lock_);

	mm_ = mm;
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
}

} /* namespace tce */
