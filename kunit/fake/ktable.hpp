// SPDX-License-Identifier: GPL-2.0-only
/* port.h, ktable.h: tables as KVM sees them. */
#ifndef TCE_FAKE_KTABLE_HPP
#define TCE_FAKE_KTABLE_HPP

#include "group.hpp"
#include "users.hpp"

struct tce_ktable {
	fake::u32 magic;
	tce_ktable *next;
	tce_table *table;
	tce_ktable_shape shape;
	fake::u64 refs;
	fake::u64 lost; /* of these, what KVM has lost */
};

namespace fake {

class Ktables : public Part<Ktables> {
public:
	~Ktables();

	tce_ktable *ktables = nullptr;
	u64 live_ktables = 0;

	/*
	 * Drop the references to tables that KVM has lost; returns how many
	 * those were.
	 */
	u32 give_up_lost();

	void check_balance() const;
};

template <> Ktables *Part<Ktables>::here;

/* A reference to a table, as iommu_tce_table_get() and _put() do it. */
void ktable_get(tce_ktable *k);
void ktable_put(tce_ktable *k);

} // namespace fake

#endif /* TCE_FAKE_KTABLE_HPP */
