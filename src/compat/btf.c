// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the kernel's type information.
 *
 * It comes as a header, types one after the other, and strings.  A module's
 * part goes on where the kernel's ends: its ids begin after the kernel's last
 * one, its names are offsets into the kernel's strings followed by its own.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sizes.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "btf.h"

#define TCE_BTF_BYTES_MAX SZ_256M	/* of a file; a hundredth of it is usual */
#define TCE_BTF_DEPTH_MAX 12	/* of one type, from the outside to its last name */

/* Bytes that follow struct btf_type; negative: a kind that nobody knew yet. */
static ssize_t btf_tail(u32 info)
{
	u32 vlen = BTF_INFO_VLEN(info);

	switch (BTF_INFO_KIND(info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
		return sizeof(u32);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return (ssize_t)vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return (ssize_t)vlen * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return (ssize_t)vlen * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return (ssize_t)vlen * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return (ssize_t)vlen * sizeof(struct btf_var_secinfo);
	default:
		return -EINVAL;
	}
}

/* Notes where each type is. */
static int btf_index(struct tce_btf_part *part, u32 bytes)
{
	u32 pos = 0;

	part->at = kvmalloc_array(bytes / sizeof(struct btf_type) + 1, sizeof(*part->at),
				  GFP_KERNEL);
	if (!part->at)
		return -ENOMEM;
	while (bytes - pos >= sizeof(struct btf_type)) {
		const struct btf_type *t = part->types + pos;
		ssize_t tail = btf_tail(t->info);

		if (tail < 0 || tail > bytes - pos - sizeof(*t))
			return -EINVAL;
		part->at[part->count++] = pos;
		pos += sizeof(*t) + tail;
	}
	return pos == bytes ? 0 : -EINVAL;
}

static int btf_parse(struct tce_btf_part *part, size_t size)
{
	const struct btf_header *hdr = part->blob;
	/* Newer ones go on after this. */
	const size_t known = offsetofend(struct btf_header, str_len);
	size_t types, strings;

	if (size < known || hdr->magic != BTF_MAGIC || hdr->version != BTF_VERSION ||
	    hdr->hdr_len < known || hdr->hdr_len > size)
		return -EINVAL;
	types = size_add(hdr->hdr_len, hdr->type_off);
	strings = size_add(hdr->hdr_len, hdr->str_off);
	if (size_add(types, hdr->type_len) > size || !hdr->str_len ||
	    size_add(strings, hdr->str_len) > size || !IS_ALIGNED(types, sizeof(u32)))
		return -EINVAL;
	part->types = part->blob + types;
	part->strings = part->blob + strings;
	part->string_bytes = hdr->str_len;
	if (part->strings[hdr->str_len - 1])
		return -EINVAL;
	return btf_index(part, hdr->type_len);
}

/*
 * kernel_read_file() is not for this: it asks the security modules by purpose,
 * and this one is not on their list.
 */
static int btf_load_part(struct tce_btf_part *part, const char *path)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	ssize_t got, done = 0;
	loff_t size, pos = 0;
	int ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	size = i_size_read(file_inode(file));
	ret = -EINVAL;
	if (size <= 0 || size > TCE_BTF_BYTES_MAX)
		goto close;
	ret = -ENOMEM;
	part->blob = vmalloc(size);
	if (!part->blob)
		goto close;
	do {
		got = kernel_read(file, part->blob + done, size - done, &pos);
		if (got > 0)
			done += got;
	} while (got > 0 && done < size);
	ret = got < 0 ? got : btf_parse(part, done);
close:
	filp_close(file, NULL);
	return ret;
}

/**
 * tce_btf_load() - read the types of the kernel and of one of its modules
 * @btf: where to; undefined after a failure
 * @path: file of the module's; there is none when the module is built in
 *
 * Context: Process context.
 * Return: 0, -ENOENT when the kernel has no type information, -EINVAL when this
 * cannot read it, or another negative errno.
 */
int tce_btf_load(struct tce_btf *btf, const char *path)
{
	struct tce_btf_part *kernel = &btf->part[0], *more = &btf->part[1];
	int ret;

	memset(btf, 0, sizeof(*btf));
	kernel->first_id = 1;	/* 0 is void */
	ret = btf_load_part(kernel, TCE_BTF "vmlinux");
	if (ret)
		goto fail;
	more->first_id = kernel->first_id + kernel->count;
	more->first_string = kernel->string_bytes;
	ret = btf_load_part(more, path);
	if (ret && ret != -ENOENT)
		goto fail;
	return 0;

fail:
	tce_btf_free(btf);
	return ret;
}

/**
 * tce_btf_free() - forget what tce_btf_load() read
 * @btf: the types
 *
 * Context: Process context.
 */
void tce_btf_free(struct tce_btf *btf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(btf->part); i++) {
		kvfree(btf->part[i].at);
		vfree(btf->part[i].blob);
	}
}

/**
 * tce_btf_type() - a type by its id
 * @btf: the types
 * @id: the id
 *
 * Context: Any.
 * Return: the type; NULL for void, and when there is none of that id.
 */
const struct btf_type *tce_btf_type(const struct tce_btf *btf, u32 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(btf->part); i++) {
		const struct tce_btf_part *part = &btf->part[i];

		if (id >= part->first_id && id - part->first_id < part->count)
			return part->types + part->at[id - part->first_id];
	}
	return NULL;
}

/**
 * tce_btf_target() - what a type points to
 * @btf: the types
 * @id: a pointer, possibly const, to something possibly const
 *
 * Context: Any.
 * Return: that something, NULL for void.
 */
const struct btf_type *tce_btf_target(const struct tce_btf *btf, u32 id)
{
	const struct btf_type *t = tce_btf_type(btf, id);
	unsigned int depth;

	for (depth = 0; t && depth < TCE_BTF_DEPTH_MAX; depth++) {
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_PTR:
		case BTF_KIND_CONST:
			t = tce_btf_type(btf, t->type);
			break;
		default:
			return t;
		}
	}
	return NULL;
}

/**
 * tce_btf_find() - a type by its name
 * @btf: the types
 * @kind: BTF_KIND_*
 * @name: the name
 *
 * Context: Any.
 * Return: the type, NULL when there is none.
 */
const struct btf_type *tce_btf_find(const struct tce_btf *btf, u32 kind,
				    const char *name)
{
	unsigned int i = ARRAY_SIZE(btf->part);
	u32 n;

	/* The module's own first: they are few. */
	while (i--) {
		const struct tce_btf_part *part = &btf->part[i];

		for (n = 0; n < part->count; n++) {
			const struct btf_type *t = part->types + part->at[n];

			if (BTF_INFO_KIND(t->info) == kind &&
			    !strcmp(tce_btf_name(btf, t->name_off), name))
				return t;
		}
	}
	return NULL;
}

/**
 * tce_btf_name() - a name
 * @btf: the types
 * @offset: where it is
 *
 * Context: Any.
 * Return: the name, "" for a thing without one.
 */
const char *tce_btf_name(const struct tce_btf *btf, u32 offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(btf->part); i++) {
		const struct tce_btf_part *part = &btf->part[i];
		u32 at = offset - part->first_string;

		if (offset >= part->first_string && at < part->string_bytes)
			return part->strings + at;
	}
	return "";
}

static void text_add(char *text, const char *more)
{
	strlcat(text, more, TCE_BTF_TEXT_MAX);
}

/* Compilers name them differently: "long unsigned int", "unsigned long". */
static const char *int_text(const struct btf_type *t)
{
	u32 encoding = BTF_INT_ENCODING(*(const u32 *)(t + 1));
	bool is_signed = encoding & BTF_INT_SIGNED;

	if (encoding & BTF_INT_BOOL)
		return "bool";
	switch (t->size) {
	case sizeof(char):
		return "char";
	case sizeof(short):
		return is_signed ? "short" : "unsigned short";
	case sizeof(int):
		return is_signed ? "int" : "unsigned int";
	case sizeof(long):
		return is_signed ? "long" : "unsigned long";
	default:
		return "?";
	}
}

static void type_text(const struct tce_btf *btf, u32 id, char *text, unsigned int depth)
{
	const struct btf_type *t = tce_btf_type(btf, id);
	const struct btf_param *param = (const void *)(t + 1);
	u32 n;

	if (!t || depth > TCE_BTF_DEPTH_MAX) {
		text_add(text, id ? "?" : "void");
		return;
	}
	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
		text_add(text, int_text(t));
		break;
	case BTF_KIND_PTR:
		type_text(btf, t->type, text, depth + 1);
		n = strlen(text);
		/* A pointer to a function is written like the function. */
		if (n && text[n - 1] != ')')
			text_add(text, text[n - 1] == '*' ? "*" : " *");
		break;
	case BTF_KIND_FUNC_PROTO:
		type_text(btf, t->type, text, depth + 1);
		for (n = 0; n < BTF_INFO_VLEN(t->info); n++) {
			text_add(text, n ? ", " : " (");
			type_text(btf, param[n].type, text, depth + 1);
		}
		text_add(text, n ? ")" : " (void)");
		break;
	case BTF_KIND_CONST:
		text_add(text, "const ");
		fallthrough;
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_FUNC:
		type_text(btf, t->type, text, depth + 1);
		break;
	case BTF_KIND_UNION:
		text_add(text, "union ");
		text_add(text, tce_btf_name(btf, t->name_off));
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		text_add(text, "enum ");
		text_add(text, tce_btf_name(btf, t->name_off));
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_FWD:
		text_add(text, "struct ");
		fallthrough;
	case BTF_KIND_TYPEDEF:
		text_add(text, tce_btf_name(btf, t->name_off));
		break;
	default:
		text_add(text, "?");
	}
}

/**
 * tce_btf_text() - a type as one writes it in C, without names of parameters
 * @btf: the types
 * @id: the type; a function and a pointer to one look the same
 * @text: room for TCE_BTF_TEXT_MAX characters
 *
 * Context: Any.
 * Return: @text
 */
const char *tce_btf_text(const struct tce_btf *btf, u32 id, char *text)
{
	text[0] = '\0';
	type_text(btf, id, text, 0);
	return text;
}
