// SPDX-License-Identifier: GPL-2.0-only
/*
 * Books of the containers for the administrator: who has them, what of the host
 * they use, which of their calls were refused and why.
 *
 * A line a record: a word, then KEY=VALUE.  The format is relied on, by
 * vfio-tce at least; keys and records may be added.
 */
#include <linux/cred.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>

#include "../port/group.h"
#include "../port/trace.h"
#include "shim.h"
#include "vfio_container.h"

static const char *const tce_call_names[] = {
	"attach", "get_info", "enable", "disable", "register", "unregister", "create",
	"remove", "map", "unmap", "eeh", "other",
};

static_assert(ARRAY_SIZE(tce_call_names) == TCE_CALLS);

/* The caller opens it. */
void tce_books_init(struct tce_vfio *c)
{
	spin_lock_init(&c->refusals_lock);
	c->uid = from_kuid(&init_user_ns, current_uid());
}

/* Note that a call was refused, and say it to whoever traces. */
long tce_books_refused(struct tce_vfio *c, enum tce_call call, long ret)
{
	const char *reason = tce_container_reason(c->engine);
	struct tce_refusal *r = &c->refusals[call];

	/* The engine knows nothing of EEH. */
	if (call == TCE_CALL_EEH && ret == -ENODEV && !*reason)
		reason = "there is no EEH for this group";
	trace_refuse(c->id, tce_call_names[call], ret, reason);
	spin_lock(&c->refusals_lock);
	r->count++;
	r->ret = ret;
	r->reason = reason;
	r->when = ktime_get_boottime_seconds();
	spin_unlock(&c->refusals_lock);
	return ret;
}

struct tce_show_devices {
	struct seq_file *m;
	char before;
};

static int tce_books_show_device(struct device *dev, void *data)
{
	struct tce_show_devices *s = data;

	seq_printf(s->m, "%c%s", s->before, dev_name(dev));
	s->before = ',';
	return 0;
}

static void tce_books_show_groups(struct seq_file *m, struct tce_vfio *c)
{
	struct tce_vfio_group *g;

	/* It is held over calls to the firmware. */
	if (!mutex_trylock(&c->lock)) {
		seq_puts(m, "group busy=1\n");
		return;
	}
	list_for_each_entry(g, &c->groups, list) {
		struct tce_show_devices s = { m, '=' };

		seq_printf(m, "group id=%d platform=%s devices", iommu_group_id(g->group),
			   tce_pseries_present() ? "pseries" : "powernv");
		iommu_group_for_each_dev(g->group, &s, tce_books_show_device);
		seq_puts(m, s.before == '=' ? "=\n" : "\n");
	}
	mutex_unlock(&c->lock);
}

static void tce_books_show_refusals(struct seq_file *m, struct tce_vfio *c)
{
	const time64_t now = ktime_get_boottime_seconds();
	unsigned int call;

	for (call = 0; call < TCE_CALLS; call++) {
		struct tce_refusal r;

		spin_lock(&c->refusals_lock);
		r = c->refusals[call];
		spin_unlock(&c->refusals_lock);
		if (!r.count)
			continue;
		seq_printf(m, "refused call=%s errno=%ld count=%lu age=%lld reason=",
			   tce_call_names[call], -r.ret, r.count, now - r.when);
		seq_escape(m, r.reason, " \t\n\\");
		seq_putc(m, '\n');
	}
}

/**
 * tce_books_show() - the books of all containers
 * @m: where to
 *
 * Waits for no container's user: one that is in the middle of something says
 * busy.
 *
 * Context: Process context.
 */
void tce_books_show(struct seq_file *m)
{
	struct tce_vfio *c;
	unsigned long id = 0;

	seq_puts(m, "format 1\n");
	while ((c = tce_vfio_next(&id))) {
		seq_printf(m, "container id=%lu version=%d uid=%u", c->id,
			   c->version == TCE_V1 ? 1 : 2, c->uid);
		tce_container_show(c->engine, (struct tce_book *)m);
		tce_books_show_groups(m, c);
		tce_books_show_refusals(m, c);
		tce_vfio_put(c);
	}
}
