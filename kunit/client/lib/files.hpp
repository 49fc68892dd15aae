// SPDX-License-Identifier: GPL-2.0-only
//
// Small files: procfs, sysfs, debugfs.
#pragma once

#include "check.hpp"

#include <optional>
#include <string>
#include <vector>

namespace client {

// The whole file, without what ends the last line; nothing when it cannot be
// read.
std::optional<std::string> read_file(const std::string &path);
std::optional<u64> read_number(const std::string &path);
// The number behind `key` at the beginning of a line ("key: 12 kB", "key 12").
std::optional<u64> read_field(const std::string &path, std::string_view key);
Status write_file(const std::string &path, std::string_view text);
bool exists(const std::string &path);
std::vector<std::string> list(const std::string &directory);
// The last part of what a symbolic link points to; empty when there is no link.
std::string link_name(const std::string &path);

} // namespace client
