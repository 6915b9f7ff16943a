#pragma once

#include "report/report.h"

#include <string>

namespace rowgate::report {

/// Appends bytes that compare (memcmp) as `sort:` compares cells, so that rows can be sorted without looking
/// at cells again. No key is the beginning of another one, so keys of several columns may follow each other.
///
///   null    0
///   number  1, its sign (1, 2 or 3), the power of ten it begins with, its digits, 0
///           (of a negative one all behind the sign is inverted)
///   text    2, the text by Unicode simple case folding, 0 1, the text itself, 0 1    (a 0 within is written
///   0 255)
///
/// Descending: every byte inverted.
void append_sort_key(std::string& out, const OutputCell& cell, bool descending);

}  // namespace rowgate::report
