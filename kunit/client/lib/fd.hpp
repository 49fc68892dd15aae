// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <unistd.h>

#include <utility>

namespace client {

// A file descriptor with an owner.
class Fd {
public:
	Fd() = default;
	explicit Fd(int number) : number_{ number } {}
	Fd(Fd &&other) noexcept : number_{ std::exchange(other.number_, -1) } {}
	Fd &operator=(Fd &&other) noexcept
	{
		if (this != &other) {
			close();
			number_ = std::exchange(other.number_, -1);
		}
		return *this;
	}
	~Fd() { close(); }

	int get() const { return number_; }
	explicit operator bool() const { return number_ >= 0; }

	void close()
	{
		if (number_ >= 0)
			::close(std::exchange(number_, -1));
	}

private:
	int number_ = -1;
};

} // namespace client
