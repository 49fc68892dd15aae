// SPDX-License-Identifier: GPL-2.0-only
#include "files.hpp"

#include "fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace client {

std::optional<std::string> read_file(const std::string &path)
{
	Fd fd{ ::open(path.c_str(), O_RDONLY | O_CLOEXEC) };
	if (!fd)
		return {};
	std::string text;
	char chunk[4096];
	for (;;) {
		const ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
		if (got < 0)
			return {};
		if (got == 0)
			break;
		text.append(chunk, static_cast<size_t>(got));
	}
	while (!text.empty() && (text.back() == '\n' || text.back() == '\0'))
		text.pop_back();
	return text;
}

std::optional<u64> read_number(const std::string &path)
{
	const auto text = read_file(path);
	if (!text || text->empty())
		return {};
	return std::strtoull(text->c_str(), nullptr, 0);
}

std::optional<u64> read_field(const std::string &path, std::string_view key)
{
	const auto text = read_file(path);
	if (!text)
		return {};
	std::istringstream lines{ *text };
	for (std::string line; std::getline(lines, line);) {
		if (!line.starts_with(key))
			continue;
		const size_t value = line.find_first_not_of(": \t", key.size());
		if (value == key.size() || value == std::string::npos)
			continue;
		return std::strtoull(line.c_str() + value, nullptr, 0);
	}
	return {};
}

Status write_file(const std::string &path, std::string_view text)
{
	Fd fd{ ::open(path.c_str(), O_WRONLY | O_CLOEXEC) };
	if (!fd || ::write(fd.get(), text.data(), text.size()) < 0)
		return Status{ -errno };
	return OK;
}

bool exists(const std::string &path)
{
	return ::access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> list(const std::string &directory)
{
	std::vector<std::string> names;
	std::error_code none;
	for (const auto &entry : std::filesystem::directory_iterator(directory, none))
		names.push_back(entry.path().filename());
	std::sort(names.begin(), names.end());
	return names;
}

std::string link_name(const std::string &path)
{
	std::error_code none;
	return std::filesystem::read_symlink(path, none).filename();
}

} // namespace client
