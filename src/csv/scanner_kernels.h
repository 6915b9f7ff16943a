#pragma once

#include "csv/scanner.h"

namespace rowgate::csv {

/// The kernels behind scan(); `marks` comes with its flags and count at zero.
void scan_scalar(std::string_view bytes, const Dialect& dialect, Marks& marks);
#if defined(__x86_64__)
/// Needs AVX2, PCLMULQDQ, BMI1, BMI2 and POPCNT.
void scan_avx2(std::string_view bytes, const Dialect& dialect, Marks& marks);
#endif

}  // namespace rowgate::csv
