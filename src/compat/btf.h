/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the kernel's type information (BTF), as /sys/kernel/btf shows it: the
 * kernel's own reader is there for BPF and exports next to nothing.
 */
#ifndef TCE_COMPAT_BTF_H
#define TCE_COMPAT_BTF_H

#include <linux/types.h>
#include <uapi/linux/btf.h>

#define TCE_BTF "/sys/kernel/btf/"
#define TCE_BTF_TEXT_MAX 160

/**
 * struct tce_btf_part - types of the kernel itself, or those that a module adds
 * @blob: the file
 * @types: type section of it
 * @strings: string section of it
 * @first_string: offset of its first string; names count on through the parts
 * @string_bytes: size of the string section
 * @first_id: id of the first type; ids count on as well
 * @count: number of types
 * @at: where in @types each of them is
 */
struct tce_btf_part {
	void *blob;
	const void *types;
	const char *strings;
	u32 first_string;
	u32 string_bytes;
	u32 first_id;
	u32 count;
	u32 *at;
};

/**
 * struct tce_btf - types that a module knows
 * @part: the kernel's, then the module's
 */
struct tce_btf {
	struct tce_btf_part part[2];
};

int tce_btf_load(struct tce_btf *btf, const char *path);
void tce_btf_free(struct tce_btf *btf);
const struct btf_type *tce_btf_type(const struct tce_btf *btf, u32 id);
const struct btf_type *tce_btf_target(const struct tce_btf *btf, u32 id);
const struct btf_type *tce_btf_find(const struct tce_btf *btf, u32 kind,
				    const char *name);
const char *tce_btf_name(const struct tce_btf *btf, u32 offset);
const char *tce_btf_text(const struct tce_btf *btf, u32 id, char *text);

#endif /* TCE_COMPAT_BTF_H */
