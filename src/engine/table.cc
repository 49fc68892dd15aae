// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one instantiation of the table that goes into the module, see table.hpp.
 */
#include "table.hpp"

namespace tce {

template class BasicLeaf<HwMemory>;
template class BasicPreparedLeaves<HwMemory>;
template class BasicTable<HwMemory>;

} /* namespace tce */
