// SPDX-License-Identifier: GPL-2.0-only
/* In-kernel KVM as the tables see it. */
#include "kvm.hpp"

namespace fake {
namespace {

constexpr u32 kPermBits = TCE_PERM_READ | TCE_PERM_WRITE;

/*
 * KVM walks its list of tables and calls their ops without sleeping.  A section
 * within another one of the same thread is a part of it, or another vCPU's.
 */
class Section {
public:
	explicit Section(tce_mm *mm) : before_(env_self()->mm)
	{
		env_self()->mm = mm;
		if (!env_self()->in_user++)
			Users::here->section_begins();
	}
	~Section()
	{
		env_self()->mm = before_;
		if (--env_self()->in_user)
			return;
		Users::here->section_ends();
		Users::here->run_later();
	}
	Section(const Section &) = delete;
	Section &operator=(const Section &) = delete;

private:
	void *before_;
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

	return UserMemory::here->mem_lookup(mm, ua, bytes);
}

} // namespace

/* --- Tables --------------------------------------------------------------- */

int Kvm::attach(GuestTable &t, u32 group)
{
	tce_ktable *found = nullptr;
	{
		Guard g;

		for (tce_ktable *k : Groups::here->groups[group].slot) {
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
			/* The reference that was just taken is nobody's. */
			t.known[i]++;

			Guard g;

			found->lost++;
			return 0;
		}
	}
	if (t.nr_tables == GuestTable::kMaxTables) {
		ktable_put(found);
		return err::kNoMem;
	}
	t.known[t.nr_tables] = 1;
	t.tables[t.nr_tables++] = found;
	return 0;
}

/*
 * The reference goes at once, whoever is in the middle of a hypercall: on
 * kernels that preempt KVM's walk RCU does not know of it.
 */
void Kvm::forget(GuestTable &t, u32 i)
{
	tce_ktable *k = t.tables[i];

	t.nr_tables--;
	t.tables[i] = t.tables[t.nr_tables];
	t.known[i] = t.known[t.nr_tables];
	ktable_put(k);
}

void Kvm::detach_group(GuestTable &t, u32 group)
{
	for (u32 i = t.nr_tables; i-- > 0;) {
		u32 shown = 0;
		{
			Guard g;

			for (const tce_ktable *k : Groups::here->groups[group].slot)
				shown += k == t.tables[i];
		}
		if (shown && !--t.known[i])
			forget(t, i);
	}
}

void Kvm::release(GuestTable &t)
{
	while (t.nr_tables)
		forget(t, t.nr_tables - 1);
}

/* --- One entry ------------------------------------------------------------ */

/*
 * iommu_tce_xchg_no_kill().  KVM would drop the note of what was there, too
 * early.
 */
int Kvm::xchg(tce_ktable *k, u64 entry, u64 *hpa, u32 *perm)
{
	const int rc = tce_table_xchg(k->table, entry, hpa, perm);

	if (!rc && *perm != TCE_PERM_NONE)
		FAKE_FAIL("KVM is told that 0x%llx was mapped", *hpa);
	if (rc > 0)
		FAKE_FAIL("an exchange answers %d", rc);
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
	store_slot(pua, 0);
	return h::kSuccess;
}

long Kvm::do_unmap(tce_ktable *k, u64 entry)
{
	Section section(mm_);
	u32 perm = TCE_PERM_NONE;
	u64 hpa = 0;

	stop(Point::BeforeExchange);
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
	Section section(mm_);
	void *pua = tce_table_useraddr(k->table, entry, 1);

	if (!pua)
		return h::kTooHard;
	stop(Point::HaveSlot);

	tce_mem *mem = lookup(mm_, ua, bit(k->shape.page_shift));
	u64 hpa;

	if (!mem)
		return h::kTooHard;
	if (mem_translate(mem, ua, k->shape.page_shift, &hpa)) {
		warns++;
		return h::kTooHard;
	}
	if (!mapped_inc(mem))
		return h::kTooHard;
	stop(Point::BeforeExchange);
	if (xchg(k, entry, &hpa, &perm)) {
		warns++;
		mapped_dec_one(mem);
		return h::kTooHard;
	}
	stop(Point::Exchanged);
	if (perm != TCE_PERM_NONE)
		mapped_dec(k, entry);
	stop(Point::BeforeStore);
	store_slot(pua, ua);
	stop(Point::Stored);
	return h::kSuccess;
}

void Kvm::kill(tce_ktable *k, u64 entry, u64 nr)
{
	Section section(mm_);

	stop(Point::BeforeKill);
	tce_table_kill(k->table, entry, nr);
	stop(Point::Killed);
}

/* kvmppc_clear_tce(): no `mapped`, no kill. */
void Kvm::clear_tce(const GuestTable &t, tce_ktable *k, u64 entry)
{
	const u64 subpages = bit(t.page_shift - k->shape.page_shift);
	Section section(mm_);

	for (u64 i = 0; i < subpages; i++) {
		u64 hpa = 0;
		u32 perm = TCE_PERM_NONE;

		xchg(k, entry * subpages + i, &hpa, &perm);
	}
}

/* --- One guest entry ------------------------------------------------------ */

long Kvm::map(const GuestTable &t, tce_ktable *k, u64 entry, u64 ua, u32 perm)
{
	Section section(mm_);
	const u64 subpages = bit(t.page_shift - k->shape.page_shift);
	long rc = h::kSuccess;

	for (u64 i = 0; i < subpages && rc == h::kSuccess; i++)
		rc = do_map(k, entry * subpages + i, ua + (i << k->shape.page_shift), perm);
	kill(k, entry * subpages, subpages);
	return rc;
}

long Kvm::unmap(const GuestTable &t, tce_ktable *k, u64 entry)
{
	Section section(mm_);
	const u64 subpages = bit(t.page_shift - k->shape.page_shift);
	long rc = h::kSuccess;

	for (u64 i = 0; i < subpages && rc == h::kSuccess; i++)
		rc = do_unmap(k, entry * subpages + i);
	kill(k, entry * subpages, subpages);
	return rc;
}

/*
 * kvmppc_tce_put(): the memory is whole pages.  It can be larger than the
 * window is only by the rest of a page; what lies behind it is not KVM's.
 */
void Kvm::put(GuestTable &t, u64 entry, u64 tce)
{
	const u64 index = entry - t.offset;
	const u64 in_page = bit(Base::here->config.page_shift) / sizeof(u64);

	if (index / in_page >= (t.size + in_page - 1) / in_page) {
		/*
		 * Without a table that would stop it this is nobody's fault but
		 * KVM's.
		 */
		if (!overruns++ && t.nr_tables)
			FAKE_FAIL("KVM stores entry %llu to a table of %llu", index, t.size);
		return;
	}

	Guard g;

	t.values.set(index, tce);
}

/* --- The guest's hypercalls ----------------------------------------------- */

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
	const u64 nr = checks_length ? npages : 1;

	if (ioba & (bit(t.page_shift) - 1) || index < t.offset || nr > t.size ||
	    index - t.offset > t.size - nr)
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
	Section section(mm_);
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
		tce_ktable *k = t.tables[i];

		rc = perm ? map(t, k, entry, ua, perm) : unmap(t, k, entry);
		if (rc != h::kSuccess) {
			clear_tce(t, k, entry);
			return rc;
		}
	}
	put(t, entry, tce);
	return rc;
}

long Kvm::h_put_tce_indirect(GuestTable &t, u64 ioba, const u64 *list, u32 nr)
{
	Section section(mm_);
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
	stop(Point::Validated);
	for (u32 i = 0; i < nr; i++) {
		const u64 tce = list[i];
		u64 ua;

		if (tce_to_ua(tce, &ua))
			return h::kParameter;
		for (u32 n = 0; n < t.nr_tables; n++) {
			tce_ktable *k = t.tables[n];

			rc = map(t, k, entry + i, ua, tce & kPermBits);
			if (rc != h::kSuccess) {
				clear_tce(t, k, entry + i);
				return rc;
			}
		}
		put(t, entry + i, tce);
	}
	return rc;
}

long Kvm::h_stuff_tce(GuestTable &t, u64 ioba, u64 value, u64 nr)
{
	Section section(mm_);
	const u64 entry = ioba >> t.page_shift;
	long rc = validate_ioba(t, ioba, nr);

	if (rc != h::kSuccess)
		return rc;
	if (value & kPermBits)
		return h::kParameter;
	for (u32 n = 0; n < t.nr_tables; n++) {
		tce_ktable *k = t.tables[n];

		for (u64 i = 0; i < nr; i++) {
			rc = unmap(t, k, entry + i);
			if (rc == h::kTooHard)
				return rc;
			if (rc != h::kSuccess) {
				warns++;
				clear_tce(t, k, entry + i);
			}
		}
	}
	for (u64 i = 0; i < nr; i++)
		put(t, entry + i, value);
	return rc;
}

} // namespace fake
