// SPDX-License-Identifier: GPL-2.0-only
/* In-kernel KVM as the tables see it. */
#include "kvm.hpp"

namespace fake {
namespace {

constexpr u32 kPermBits = TCE_PERM_READ | TCE_PERM_WRITE;

/*
 * From the moment KVM has a user address slot until it has stored to it: nothing
 * in there sleeps, and tce_port_sync_users() waits for the end.
 */
class UserSequence {
public:
	UserSequence()
	{
		env_rwsem_read_lock(world->users);
		env_self()->in_user = kInSequence;
	}
	~UserSequence()
	{
		env_self()->in_user = 0;
		env_rwsem_read_unlock(world->users);
	}
	UserSequence(const UserSequence &) = delete;
	UserSequence &operator=(const UserSequence &) = delete;
};

u64 load_slot(const void *slot)
{
	return swap_be(__atomic_load_n(static_cast<const u64 *>(slot), __ATOMIC_RELAXED));
}

void store_slot(void *slot, u64 value)
{
	__atomic_store_n(static_cast<u64 *>(slot), swap_be(value), __ATOMIC_RELAXED);
}

bool mapped_inc(tce_mem *mem)
{
	Guard g;

	if (!mem->mapped)
		return false;
	mem->mapped++;
	return true;
}

void mapped_dec_one(tce_mem *mem)
{
	Guard g;

	if (mem->mapped <= 1) {
		FAKE_FAIL("KVM drops `mapped` of 0x%llx below what it took", mem->ua);
		return;
	}
	mem->mapped--;
}

tce_mem *lookup(const tce_mm *mm, u64 ua, u64 bytes)
{
	Guard g;

	return world->mem_lookup(mm, ua, bytes);
}

} // namespace

void Kvm::sleep_begins()
{
	if (env_self()->in_user == kInExchange)
		env_rwsem_read_unlock(world->users);
}

void Kvm::sleep_ends()
{
	if (env_self()->in_user == kInExchange)
		env_rwsem_read_lock(world->users);
}

void Kvm::wait_for_users()
{
	env_rwsem_write_lock(world->users);
	env_rwsem_write_unlock(world->users);
}

/* --- Tables ------------------------------------------------------------------------ */

int Kvm::attach(GuestTable &t, u32 group)
{
	tce_ktable *found = nullptr;
	{
		Guard g;

		for (tce_ktable *k : world->groups[group].slot) {
			if (k && k->shape.page_shift <= t.page_shift &&
			    k->shape.offset << k->shape.page_shift == t.offset << t.page_shift &&
			    k->shape.entries << k->shape.page_shift >= t.size << t.page_shift) {
				k->refs++;
				found = k;
				break;
			}
		}
	}
	if (!found)
		return err::kInval;
	for (u32 i = 0; i < t.nr_tables; i++) {
		if (t.tables[i] == found) {
			ktable_put(found);
			return 0;
		}
	}
	if (t.nr_tables == GuestTable::kMaxTables) {
		ktable_put(found);
		return err::kNoMem;
	}
	t.tables[t.nr_tables++] = found;
	return 0;
}

void Kvm::detach_group(GuestTable &t, u32 group)
{
	for (u32 i = 0; i < t.nr_tables;) {
		bool shown = false;
		{
			Guard g;

			for (const tce_ktable *k : world->groups[group].slot)
				shown = shown || k == t.tables[i];
		}
		if (!shown) {
			i++;
			continue;
		}
		ktable_put(t.tables[i]);
		t.tables[i] = t.tables[--t.nr_tables];
	}
}

void Kvm::release(GuestTable &t)
{
	while (t.nr_tables)
		ktable_put(t.tables[--t.nr_tables]);
}

/* --- One entry ----------------------------------------------------------------------- */

/*
 * iommu_tce_xchg_no_kill().  KVM does not mind if it sleeps; a sequence that does has
 * begun anew for tce_port_sync_users().
 */
int Kvm::xchg(tce_ktable *k, u64 entry, u64 *hpa, u32 *perm)
{
	int rc;

	env_self()->in_user = kInExchange;
	rc = tce_table_xchg(k->table, entry, hpa, perm);
	env_self()->in_user = kInSequence;
	if (!rc && (*perm & TCE_PERM_WRITE)) {
		Guard g;

		/* SetPageDirty(pfn_to_page(*hpa >> PAGE_SHIFT)) */
		if (!world->is_pinned(*hpa, bit(k->shape.page_shift)))
			FAKE_FAIL("KVM is told that 0x%llx was mapped, which is not pinned", *hpa);
	}
	return rc;
}

long Kvm::mapped_dec(tce_ktable *k, u64 entry)
{
	void *pua = tce_table_useraddr(k->table, entry, 0);

	if (!pua)
		return h::kSuccess;

	tce_mem *mem = lookup(mm_, load_slot(pua), bit(k->shape.page_shift));

	if (!mem)
		return h::kTooHard;
	mapped_dec_one(mem);
	stop(Point::Dropped);
	store_slot(pua, 0);
	return h::kSuccess;
}

long Kvm::do_unmap(tce_ktable *k, u64 entry)
{
	UserSequence sequence;
	u32 perm = TCE_PERM_NONE;
	u64 hpa = 0;

	stop(Point::HaveSlot);
	if (xchg(k, entry, &hpa, &perm)) {
		warns++;
		return h::kTooHard;
	}
	stop(Point::Exchanged);
	if (perm == TCE_PERM_NONE)
		return h::kSuccess;

	const long rc = mapped_dec(k, entry);

	if (rc != h::kSuccess)
		xchg(k, entry, &hpa, &perm);
	return rc;
}

long Kvm::do_map(tce_ktable *k, u64 entry, u64 ua, u32 perm)
{
	/* May allocate, so it comes before the sequence that does not sleep. */
	void *pua = tce_table_useraddr(k->table, entry, 1);

	if (!pua)
		return h::kTooHard;

	UserSequence sequence;
	tce_mem *mem = lookup(mm_, ua, bit(k->shape.page_shift));
	u64 hpa;

	if (!mem)
		return h::kTooHard;
	if (mem_translate(mem, ua, k->shape.page_shift, &hpa))
		return h::kTooHard;
	if (!mapped_inc(mem))
		return h::kTooHard;
	stop(Point::HaveSlot);
	if (xchg(k, entry, &hpa, &perm)) {
		warns++;
		mapped_dec_one(mem);
		return h::kTooHard;
	}
	stop(Point::Exchanged);
	if (perm != TCE_PERM_NONE)
		mapped_dec(k, entry);
	stop(Point::Dropped);
	store_slot(pua, ua);
	return h::kSuccess;
}

/* kvmppc_clear_tce(): no `mapped`, no kill. */
void Kvm::clear_tce(const GuestTable &t, tce_ktable *k, u64 entry)
{
	const u64 subpages = bit(t.page_shift - k->shape.page_shift);
	UserSequence sequence;

	for (u64 i = 0; i < subpages; i++) {
		u64 hpa = 0;
		u32 perm = TCE_PERM_NONE;

		xchg(k, entry * subpages + i, &hpa, &perm);
	}
}

/* --- One guest entry --------------------------------------------------------------------- */

long Kvm::map(const GuestTable &t, tce_ktable *k, u64 entry, u64 ua, u32 perm)
{
	const u64 subpages = bit(t.page_shift - k->shape.page_shift);
	long rc = h::kSuccess;

	for (u64 i = 0; i < subpages && rc == h::kSuccess; i++)
		rc = do_map(k, entry * subpages + i, ua + (i << k->shape.page_shift), perm);
	tce_table_kill(k->table, entry * subpages, subpages);
	return rc;
}

long Kvm::unmap(const GuestTable &t, tce_ktable *k, u64 entry)
{
	const u64 subpages = bit(t.page_shift - k->shape.page_shift);
	long rc = h::kSuccess;

	for (u64 i = 0; i < subpages && rc == h::kSuccess; i++)
		rc = do_unmap(k, entry * subpages + i);
	tce_table_kill(k->table, entry * subpages, subpages);
	return rc;
}

/* --- The guest's hypercalls ------------------------------------------------------------------ */

long Kvm::tce_to_ua(u64 tce, u64 *ua) const
{
	const u64 gpa = tce & ~static_cast<u64>(kPermBits);

	if (gpa >= bit(40))
		return err::kInval;
	*ua = base_ + gpa;
	return 0;
}

long Kvm::validate_ioba(const GuestTable &t, u64 ioba, u64 npages) const
{
	const u64 index = ioba >> t.page_shift;

	if (ioba & (bit(t.page_shift) - 1) || index < t.offset || npages > t.size ||
	    index - t.offset > t.size - npages)
		return h::kParameter;
	return h::kSuccess;
}

long Kvm::validate_tce(const GuestTable &t, u64 tce) const
{
	u64 ua;

	if (!(tce & kPermBits))
		return h::kSuccess;
	if (tce & (bit(t.page_shift) - 1) & ~static_cast<u64>(kPermBits))
		return h::kTooHard;
	if (tce_to_ua(tce, &ua))
		return h::kTooHard;
	for (u32 i = 0; i < t.nr_tables; i++) {
		const u32 shift = t.tables[i]->shape.page_shift;
		tce_mem *mem = lookup(mm_, ua, bit(shift));

		if (!mem || mem_translate(mem, ua, shift, nullptr))
			return h::kTooHard;
	}
	return h::kSuccess;
}

long Kvm::h_put_tce(GuestTable &t, u64 ioba, u64 tce)
{
	const u32 perm = tce & kPermBits;
	const u64 entry = ioba >> t.page_shift;
	long rc = validate_ioba(t, ioba, 1);
	u64 ua = 0;

	if (rc != h::kSuccess)
		return rc;
	rc = validate_tce(t, tce);
	if (rc != h::kSuccess)
		return rc;
	if (perm && tce_to_ua(tce, &ua))
		return h::kParameter;
	for (u32 i = 0; i < t.nr_tables; i++) {
		rc = perm ? map(t, t.tables[i], entry, ua, perm) : unmap(t, t.tables[i], entry);
		if (rc != h::kSuccess) {
			clear_tce(t, t.tables[i], entry);
			return rc;
		}
	}
	return rc;
}

long Kvm::h_put_tce_indirect(GuestTable &t, u64 ioba, const u64 *list, u32 nr)
{
	const u64 entry = ioba >> t.page_shift;
	long rc;

	if (nr > 512)
		return h::kParameter;
	rc = validate_ioba(t, ioba, nr);
	if (rc != h::kSuccess)
		return rc;
	for (u32 i = 0; i < nr; i++) {
		rc = validate_tce(t, list[i]);
		if (rc != h::kSuccess)
			return rc;
	}
	for (u32 i = 0; i < nr; i++) {
		u64 ua;

		if (tce_to_ua(list[i], &ua))
			return h::kParameter;
		for (u32 n = 0; n < t.nr_tables; n++) {
			rc = map(t, t.tables[n], entry + i, ua, list[i] & kPermBits);
			if (rc != h::kSuccess) {
				clear_tce(t, t.tables[n], entry + i);
				return rc;
			}
		}
	}
	return rc;
}

long Kvm::h_stuff_tce(GuestTable &t, u64 ioba, u64 value, u64 nr)
{
	const u64 entry = ioba >> t.page_shift;
	long rc = validate_ioba(t, ioba, nr);

	if (rc != h::kSuccess)
		return rc;
	if (value & kPermBits)
		return h::kParameter;
	for (u32 n = 0; n < t.nr_tables; n++) {
		for (u64 i = 0; i < nr; i++) {
			rc = unmap(t, t.tables[n], entry + i);
			if (rc == h::kTooHard)
				return rc;
			if (rc != h::kSuccess) {
				warns++;
				clear_tce(t, t.tables[n], entry + i);
			}
		}
	}
	return rc;
}

} // namespace fake
