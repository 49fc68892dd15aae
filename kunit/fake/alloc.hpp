// SPDX-License-Identifier: GPL-2.0-only
/* port.h, alloc.h: memory for the engine, counted block by block. */
#ifndef TCE_FAKE_ALLOC_HPP
#define TCE_FAKE_ALLOC_HPP

#include "base.hpp"

namespace fake {

class Alloc : public Part<Alloc> {
public:
	u64 live_blocks = 0, live_bytes = 0, peak_bytes = 0;
	u64 total_allocs = 0;
	u64 randoms = 0; /* tce_port_random() */

	/* Free what the engine left, for cases in which it had to. */
	void release_all();

	void check_balance() const;
	void reset_counts();

	/* For the port functions. */
	struct Header;
	Header *blocks = nullptr;
};

template <> Alloc *Part<Alloc>::here;

} // namespace fake

#endif /* TCE_FAKE_ALLOC_HPP */
