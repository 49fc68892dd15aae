/* SPDX-License-Identifier: GPL-2.0-only */
/* Of a spinlock where nobody checks locks; see lock.h. */
#ifndef TCE_INCLUDE_PORT_LOCK_ROOM_H
#define TCE_INCLUDE_PORT_LOCK_ROOM_H

#define TCE_SPINLOCK_WORDS	1
/* tce_port_*_assert_held() have something to say. */
#define TCE_LOCKS_CHECKED	0

#endif /* TCE_INCLUDE_PORT_LOCK_ROOM_H */
