/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a group of any platform is made of, and the words in which it is asked.
 *
 * PaprGroup and IodaGroup are asked the same questions and answer each in its
 * own way; a container sees a Group, which is one or the other (group.hpp).
 */
#pragma once

#include "window.hpp"

namespace tce {

struct GroupParts {
	tce_port_group *port;
	tce_group_caps caps;
	bool for_kvm; /* KVM may use the tables */
	tce_log_who *log;
};

/* What of userspace's a new window stands behind. */
enum class Backs {
	Nothing, /* userspace gets it only now */
	Default, /* the default window, which userspace has had from the start */
};

/* What becomes of a group whose window goes. */
enum class Then {
	Stay,	  /* it is userspace's still */
	HandBack, /* it is handed back next */
};

} /* namespace tce */
