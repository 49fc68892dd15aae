/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How far a loop over what userspace asks for goes in one go.
 *
 * Ranges are as large as userspace likes, and an IOMMU page is up to 16 GiB.
 * So such loops count what takes the time, not what userspace counts in: system
 * pages that are looked up, notes that are taken or dropped (the registry does
 * that one by one), levels of a table.  After so many they let others run, and
 * where the call may fail they look for a fatal signal.
 */
#pragma once

#include "result.hpp"
#include "types.hpp"

namespace tce {

class Steps : Pinned {
public:
	static constexpr unsigned int kLookUpsLg2 = 16;
	static constexpr u64 kLookUps = 1ull << kLookUpsLg2;
	static constexpr u64 kNotes = 8192;
	static constexpr u64 kLevels = 64;

	explicit Steps(u64 most) : most_(most) {}

	/*
	 * Before @n more, which is no more than a step: let others run if this
	 * one is full.
	 */
	void go(u64 n)
	{
		if (full(n))
			tce_port_yield();
	}
	/* The same; Intr: the process is killed. */
	Status try_go(u64 n)
	{
		if (!full(n))
			return {};
		tce_port_yield();
		return tce_port_killed() ? Errc::Intr : Errc::Ok;
	}

	/* Others have run just now. */
	void restart() { done_ = 0; }

	/* That an IOMMU page is made of, or is part of. */
	[[nodiscard]] static u64 system_pages(PageShift page)
	{
		const unsigned int shift = tce_port_page_shift();

		return page.lg2() <= shift ? 1 : 1ull << (page.lg2() - shift);
	}

private:
	bool full(u64 n)
	{
		const bool over = done_ + n > most_;

		done_ = over ? n : done_ + n;
		return over;
	}

	const u64 most_;
	u64 done_ = 0;
};

} /* namespace tce */
