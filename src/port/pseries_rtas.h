/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCE_PORT_RTAS_H
#define TCE_PORT_RTAS_H

#include <linux/types.h>

/**
 * struct tce_rtas_patience - how long a busy RTAS call has been asked again
 * @busy: answers of -2 in a row
 * @waited: milliseconds, altogether
 */
struct tce_rtas_patience {
	unsigned int busy;
	unsigned int waited;
};

int tce_rtas_pause(struct tce_rtas_patience *p, int status);
int tce_rtas_again(struct tce_rtas_patience *p, int status, bool may_fail);

#endif /* TCE_PORT_RTAS_H */
