// SPDX-License-Identifier: GPL-2.0-only
/*
 * A book of the engine's, as text.
 */
#ifndef TCE_FAKE_BOOK_HPP
#define TCE_FAKE_BOOK_HPP

#include "util.hpp"

namespace fake {

struct Book {
	char text[640] = {};
	u32 at = 0;

	tce_book *handle() { return reinterpret_cast<tce_book *>(this); }
	/* Is there a line that is exactly this? */
	bool has_line(const char *line) const;
	/* Does the text contain this? */
	bool has_word(const char *word) const;
};

} // namespace fake

#endif /* TCE_FAKE_BOOK_HPP */
