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

} /* namespace tce */
