// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is vfio_private.h what the vfio that is loaded was built from?
 *
 * The kernel knows its own types (BTF).  Each member of the struct that goes
 * over to vfio, its place and its prototype, the values of the enum, and the
 * prototypes of the functions called are compared with it before anything is
 * registered.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/build_bug.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stddef.h>

#include "btf.h"
#include "vfio_layout.h"
#include "vfio_private.h"

static bool unchecked_vfio;
module_param(unchecked_vfio, bool, 0444);
MODULE_PARM_DESC(unchecked_vfio, "load although the kernel has no type information (BTF) that tells whether its vfio is the one this driver was written for");

struct member {
	const char *name;
	size_t offset;
	const char *type;
};

/* What stands here is what vfio_private.h says, or it does not compile. */
#define MEMBER(member, type_, text) {							\
	#member,									\
	offsetof(struct vfio_iommu_driver_ops, member) +				\
	BUILD_BUG_ON_ZERO(!__same_type(type_,						\
				       typeof_member(struct vfio_iommu_driver_ops, member))), \
	text										\
}

#define DATA(member, type_) MEMBER(member, type_, #type_)
#define FUNCTION(member, ret, ...) \
	MEMBER(member, ret (*)(__VA_ARGS__), #ret " (" #__VA_ARGS__ ")")

static const struct member ops_members[] = {
	DATA(name, char *),
	DATA(owner, struct module *),
	FUNCTION(open, void *, unsigned long),
	FUNCTION(release, void, void *),
	FUNCTION(ioctl, long, void *, unsigned int, unsigned long),
	FUNCTION(attach_group, int, void *, struct iommu_group *, enum vfio_group_type),
	FUNCTION(detach_group, void, void *, struct iommu_group *),
	FUNCTION(pin_pages, int, void *, struct iommu_group *, dma_addr_t, int, int,
		 struct page **),
	FUNCTION(unpin_pages, void, void *, dma_addr_t, int),
	FUNCTION(register_device, void, void *, struct vfio_device *),
	FUNCTION(unregister_device, void, void *, struct vfio_device *),
	FUNCTION(dma_rw, int, void *, dma_addr_t, void *, size_t, bool),
	FUNCTION(group_iommu_domain, struct iommu_domain *, void *, struct iommu_group *),
};

/* None is forgotten: each of them is a pointer. */
static_assert(sizeof(struct vfio_iommu_driver_ops) == ARRAY_SIZE(ops_members) * sizeof(void *));

static const struct {
	const char *name;
	s32 value;
} group_types[] = {
	{ "VFIO_IOMMU", VFIO_IOMMU },
	{ "VFIO_EMULATED_IOMMU", VFIO_EMULATED_IOMMU },
	{ "VFIO_NO_IOMMU", VFIO_NO_IOMMU },
};

static int differs(const char *what, const char *is, const char *expected)
{
	pr_err("this kernel's vfio is not one that this driver knows, so it is not loaded: %s is %s, not %s\n",
	       what, is, expected);
	return -ENOEXEC;
}

static int check_function(const struct tce_btf *btf, const char *name,
			  const char *expected, char *text)
{
	const struct btf_type *func = tce_btf_find(btf, BTF_KIND_FUNC, name);

	if (!func)
		return differs(name, "unknown", expected);
	if (strcmp(tce_btf_text(btf, func->type, text), expected))
		return differs(name, text, expected);
	return 0;
}

static int check_member(const struct tce_btf *btf, const struct btf_type *ops,
			const struct member *want, char *text)
{
	const struct btf_member *m = (const void *)(ops + 1);
	char expected[TCE_BTF_TEXT_MAX + 24], what[80];
	size_t used;
	u32 i, bit;

	snprintf(what, sizeof(what), "vfio_iommu_driver_ops.%s", want->name);
	snprintf(expected, sizeof(expected), "%s at %zu", want->type, want->offset);
	for (i = 0; i < BTF_INFO_VLEN(ops->info); i++, m++)
		if (!strcmp(tce_btf_name(btf, m->name_off), want->name))
			break;
	if (i == BTF_INFO_VLEN(ops->info))
		return differs(what, "missing", expected);
	bit = BTF_INFO_KFLAG(ops->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
	tce_btf_text(btf, m->type, text);
	if (bit == want->offset * BITS_PER_BYTE && !strcmp(text, want->type))
		return 0;
	used = strlen(text);
	snprintf(text + used, TCE_BTF_TEXT_MAX - used, " at %u", bit / BITS_PER_BYTE);
	return differs(what, text, expected);
}

static int check_ops(const struct tce_btf *btf, const struct btf_type *func, char *text)
{
	const struct btf_type *proto = tce_btf_type(btf, func->type), *ops;
	const struct btf_param *param = (const void *)(proto + 1);
	char is[16], expected[16];
	unsigned int i;
	int ret;

	/*
	 * As check_function() found, it has this parameter and it points to a
	 * struct.
	 */
	ops = tce_btf_target(btf, param->type);
	if (!ops || BTF_INFO_KIND(ops->info) != BTF_KIND_STRUCT)
		return differs("vfio_iommu_driver_ops", "unknown", "a struct");
	for (i = 0; i < ARRAY_SIZE(ops_members); i++) {
		ret = check_member(btf, ops, &ops_members[i], text);
		if (ret)
			return ret;
	}
	if (ops->size == sizeof(struct vfio_iommu_driver_ops))
		return 0;
	snprintf(is, sizeof(is), "%u", ops->size);
	snprintf(expected, sizeof(expected), "%zu", sizeof(struct vfio_iommu_driver_ops));
	return differs("the size of vfio_iommu_driver_ops", is, expected);
}

static int check_group_types(const struct tce_btf *btf)
{
	const struct btf_type *t = tce_btf_find(btf, BTF_KIND_ENUM, "vfio_group_type");
	const struct btf_enum *e;
	char is[16], expected[16];
	unsigned int i, n;

	if (!t)
		return differs("vfio_group_type", "unknown", "an enum");
	e = (const void *)(t + 1);
	for (i = 0; i < ARRAY_SIZE(group_types); i++) {
		snprintf(expected, sizeof(expected), "%d", group_types[i].value);
		for (n = 0; n < BTF_INFO_VLEN(t->info); n++)
			if (!strcmp(tce_btf_name(btf, e[n].name_off), group_types[i].name))
				break;
		if (n == BTF_INFO_VLEN(t->info))
			return differs(group_types[i].name, "missing", expected);
		snprintf(is, sizeof(is), "%d", e[n].val);
		if (e[n].val != group_types[i].value)
			return differs(group_types[i].name, is, expected);
	}
	return 0;
}

static int unknown(const char *why, int err)
{
	if (unchecked_vfio) {
		pr_notice("this kernel's vfio was not checked: %s (%d)\n", why, err);
		return 0;
	}
	pr_err("cannot tell whether this driver fits this kernel's vfio, so it is not loaded: %s (%d). Option unchecked_vfio=1 loads it all the same\n",
	       why, err);
	return -ENOEXEC;
}

/**
 * tce_vfio_layout_check() - does vfio look like vfio_private.h
 * @checked: set if it was compared, cleared if that was not possible and is not
 * wanted
 *
 * Says in the log what differs.
 *
 * Context: Process context, before vfio is called.
 * Return: 0; -ENOEXEC when it does not, or when nobody knows.
 */
int tce_vfio_layout_check(bool *checked)
{
	const struct btf_type *func;
	struct tce_btf btf;
	char *text;
	int ret;

	*checked = false;
	ret = tce_btf_load(&btf, TCE_BTF "vfio");
	if (ret == -ENOMEM || ret == -EINTR)
		return ret;
	if (ret)
		return unknown("no type information in " TCE_BTF, ret);
	func = tce_btf_find(&btf, BTF_KIND_FUNC, "vfio_register_iommu_driver");
	if (!func) {
		ret = unknown("no type information of vfio in " TCE_BTF, -ENOENT);
		goto free;
	}
	ret = -ENOMEM;
	text = kmalloc(TCE_BTF_TEXT_MAX, GFP_KERNEL);
	if (!text)
		goto free;
	ret = check_function(&btf, "vfio_register_iommu_driver",
			     "int (const struct vfio_iommu_driver_ops *)", text) ?:
	      check_function(&btf, "vfio_unregister_iommu_driver",
			     "void (const struct vfio_iommu_driver_ops *)", text) ?:
	      check_ops(&btf, func, text) ?:
	      check_group_types(&btf);
	*checked = !ret;
	kfree(text);
free:
	tce_btf_free(&btf);
	return ret;
}
