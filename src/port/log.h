/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCE_PORT_LOG_H
#define TCE_PORT_LOG_H

#include <linux/types.h>

#include <tce/port.h>

bool tce_log_allows(struct tce_log_who *who, enum tce_log_kind kind);
const char *tce_log_name(const struct tce_log_who *who, char *buf, size_t bytes);

#endif /* TCE_PORT_LOG_H */
