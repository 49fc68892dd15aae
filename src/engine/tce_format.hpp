/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bits of a TCE.
 *
 * One format serves both platforms: the real page number in bits 0..51 (IBM
 * numbering), read in bit 63, write in bit 62 (LoPAR "TCE entry format"; IODA2
 * section 3.4; TCE_PCI_READ and TCE_PCI_WRITE in asm/tce.h).  An entry without
 * either right is closed.  Tables are big-endian whatever the kernel is.
 */
#pragma once

#include "types.hpp"

namespace tce {

/* A big-endian 64-bit word.  It has no arithmetic: convert first. */
class Be64 {
public:
	constexpr Be64() = default;

	[[nodiscard]] static constexpr Be64 from_cpu(u64 value)
	{
		Be64 be;

		be.raw_ = swap(value);
		return be;
	}
	[[nodiscard]] constexpr u64 to_cpu() const { return swap(raw_); }
	[[nodiscard]] constexpr bool is_zero() const { return raw_ == 0; }

	friend constexpr bool operator==(Be64, Be64) = default;

private:
	static constexpr u64 swap(u64 value)
	{
		if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			return __builtin_bswap64(value);
		else
			return value;
	}

	u64 raw_ = 0;
};

static_assert(sizeof(Be64) == 8 &&
	      Be64::from_cpu(0x0123456789abcdef).to_cpu() == 0x0123456789abcdef);

/* Rights of the device on a page. */
class Perm {
public:
	static constexpr u32 kMask = TCE_PERM_READ | TCE_PERM_WRITE;

	constexpr Perm() = default;
	constexpr explicit Perm(u32 bits) : bits_(bits & kMask) {}

	[[nodiscard]] constexpr u32 bits() const { return bits_; }
	[[nodiscard]] constexpr bool any() const { return bits_ != TCE_PERM_NONE; }
	[[nodiscard]] constexpr bool writes() const { return bits_ & TCE_PERM_WRITE; }

private:
	u32 bits_ = TCE_PERM_NONE;
};

class Tce {
public:
	constexpr Tce() = default;
	constexpr Tce(Hpa hpa, Perm perm) : raw_(perm.any() ? (hpa.raw & ~kFlags) | perm.bits() : 0)
	{
	}

	/* @raw: what raw() said. */
	[[nodiscard]] static constexpr Tce from_raw(u64 raw)
	{
		Tce t;

		t.raw_ = raw;
		return t;
	}
	[[nodiscard]] constexpr Be64 to_be() const { return Be64::from_cpu(raw_); }
	[[nodiscard]] constexpr u64 raw() const { return raw_; }
	[[nodiscard]] constexpr Hpa hpa() const { return Hpa(raw_ & ~kFlags); }
	[[nodiscard]] constexpr Perm perm() const { return Perm(static_cast<u32>(raw_)); }
	/* Without rights it is 0: the constructor makes no others. */
	[[nodiscard]] constexpr bool live() const { return raw_; }

	friend constexpr bool operator==(Tce, Tce) = default;

private:
	/*
	 * Below the smallest page there are only rights and bits that must be
	 * 0.
	 */
	static constexpr u64 kFlags = (1ull << PageShift::kMin) - 1;

	u64 raw_ = 0;
};

static_assert(Tce(Hpa(0x12345000), Perm(3)).raw() == 0x12345003);
static_assert(Tce(Hpa(0x12345ffc), Perm(~0u)).raw() == 0x12345003 && Perm(~0u).bits() == 3);
static_assert(Tce(Hpa(0x12345000), Perm()).raw() == 0 && !Tce().live());
static_assert(Tce::from_raw(Tce(Hpa(0x12345000), Perm(1)).to_be().to_cpu()).hpa() ==
	      Hpa(0x12345000));
static_assert(!Tce(Hpa(0x1000), Perm(TCE_PERM_READ)).perm().writes());

} /* namespace tce */
