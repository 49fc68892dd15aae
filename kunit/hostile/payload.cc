// SPDX-License-Identifier: GPL-2.0-only
#include "payload.hpp"

// A hypercall leaves r14 to r31 alone.
asm(R"(
	.pushsection .rodata
	.balign 8
	.globl hostile_payload, hostile_payload_end
hostile_payload:
1:	mr 16, 14
	mr 17, 15
2:	ld 3, 0(16)
	ld 4, 8(16)
	ld 5, 16(16)
	ld 6, 24(16)
	ld 7, 32(16)
	sc 1
	std 3, 40(16)
	std 4, 48(16)
	addi 16, 16, 64
	addic. 17, 17, -1
	bne 2b
	li 3, 0
	ori 3, 3, 0xf0f0
	sc 1
	b 1b
hostile_payload_end:
	.popsection
)");

extern "C" const client::u8 hostile_payload[], hostile_payload_end[];

namespace hostile {

std::span<const u8> payload()
{
	return { hostile_payload, hostile_payload_end };
}

} // namespace hostile
