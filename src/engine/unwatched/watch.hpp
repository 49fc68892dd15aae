/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is told of a table's stores, see memory.hpp: nobody. */
#pragma once

#include "tce_format.hpp"

namespace tce {

struct Watch {
	/*
	 * A level of so many bytes has come into being, all zero; or is about
	 * to be freed.
	 */
	static void on_alloc(const void *, usize) {}
	static void on_free(const void *) {}

	static void on_store(const Be64 *, Be64) {}
	static void on_link(const Atomic<void *> *, const void *) {}
	static void on_hw_link(const Be64 *, Be64) {}
};

} /* namespace tce */
