// SPDX-License-Identifier: GPL-2.0-only
/* Which mutant is alive, and which functions a case has reached: mutants.h. */
#include "mutants.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

int tce_mutant;
unsigned char tce_mutant_reached[TCE_MUTANT_FUNCTIONS];

namespace {

class Reached : public testing::EmptyTestEventListener {
public:
	explicit Reached(const char *path) : file_(std::fopen(path, "a")) {}
	~Reached() override
	{
		if (file_)
			std::fclose(file_);
	}
	Reached(const Reached &) = delete;
	Reached &operator=(const Reached &) = delete;

	void OnTestStart(const testing::TestInfo &) override
	{
		std::memset(tce_mutant_reached, 0, sizeof(tce_mutant_reached));
	}
	void OnTestEnd(const testing::TestInfo &info) override
	{
		if (!file_)
			return;
		std::fprintf(file_, "%s.%s %lld", info.test_suite_name(), info.name(),
			     static_cast<long long>(info.result()->elapsed_time()));
		for (unsigned int i = 0; i < TCE_MUTANT_FUNCTIONS; i++) {
			if (tce_mutant_reached[i])
				std::fprintf(file_, " %u", i);
		}
		std::fprintf(file_, "\n");
	}

private:
	std::FILE *file_;
};

const bool ready = [] {
	if (const char *number = std::getenv("TCE_MUTANT"))
		tce_mutant = std::atoi(number);
	if (const char *path = std::getenv("TCE_REACHED"))
		testing::UnitTest::GetInstance()->listeners().Append(new Reached(path));
	return true;
}();

} // namespace
