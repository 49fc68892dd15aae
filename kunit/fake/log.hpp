// SPDX-License-Identifier: GPL-2.0-only
/* port.h, log.h: messages to the administrator. */
#ifndef TCE_FAKE_LOG_HPP
#define TCE_FAKE_LOG_HPP

#include "mm.hpp"

namespace fake {

class Messages : public Part<Messages> {
public:
	u64 logs = 0;
	u64 logs_of[TCE_LOG_KINDS] = {};
	u64 suppressed_logs = 0;
	u64 log_nobodys[TCE_LOG_KINDS] = {}, log_memlock = 0;
	char last_log[200] = {};

	bool last_log_says(const char *part) const;
};

template <> Messages *Part<Messages>::here;

} // namespace fake

#endif /* TCE_FAKE_LOG_HPP */
