// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/vfio_tce: figures and windows.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "../port/group.h"
#include "../port/stats.h"
#include "shim.h"

static struct dentry *tce_debugfs;

static int stats_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < TCE_PORT_COUNTERS; i++)
		seq_printf(m, "%s %ld\n", tce_port_stat_name(i), tce_port_stat_read(i));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int windows_show(struct seq_file *m, void *unused)
{
	tce_groups_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(windows);

static int containers_show(struct seq_file *m, void *unused)
{
	tce_books_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(containers);

/**
 * tce_debugfs_init() - module load; does without when there is no debugfs
 *
 * Context: Process context.
 */
void tce_debugfs_init(void)
{
	tce_debugfs = debugfs_create_dir("vfio_tce", NULL);
	debugfs_create_file("stats", 0444, tce_debugfs, NULL, &stats_fops);
	/* Who uses what, and addresses of processes: not for everybody. */
	debugfs_create_file("containers", 0400, tce_debugfs, NULL, &containers_fops);
	debugfs_create_file("windows", 0444, tce_debugfs, NULL, &windows_fops);
}

/**
 * tce_debugfs_exit() - module unload
 *
 * Context: Process context.
 */
void tce_debugfs_exit(void)
{
	debugfs_remove(tce_debugfs);
}
