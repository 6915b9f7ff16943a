#pragma once

// What is wrong with an input, shown at its place:
//
//   error[rule.required]: `job_id` is empty
//     --> hired_employees.csv:3:35
//      |
//   3  | 2,Ty Hofer,2021-05-30T05:43:46Z,8,
//      |                                   ^ a whole number is required here
//      |
//      = help: give the job's id

#include "base/error.h"
#include "cli/terminal/terminal.h"
#include "load/loader.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowgate::cli {

/// A part of the source line to point at.
struct Mark {
  std::uint64_t column = 1;  ///< where it begins, from 1 (bytes)
  std::size_t bytes = 1;     ///< 0 points at the place between two characters
  std::string label = {};
};

/// One thing that is wrong, with its place.
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string code;  ///< "rule.required"; may be empty
  std::string title;
  std::string file = {};               ///< empty: no place
  std::uint64_t line = 0, column = 0;  ///< 0: only the file is known
  std::string source = {};             ///< that line as it is in the file; empty: it is not shown
  std::vector<Mark> marks = {};        ///< by column
  std::vector<std::pair<std::string, std::string>> notes = {};  ///< {"help", "give the job's id"}
};

/// The diagnostic as lines for stderr. A long source line is cut around its first mark.
std::string render(const Terminal& terminal, const Diagnostic& diagnostic);

/// One problem of a refused record of `file`, which has `columns` columns (0: not known).
Diagnostic reject_diagnostic(const load::RefusedRecord& record, const load::RejectProblem& problem,
                             const std::string& file, std::size_t columns);

/// An error at its place; the source line is read from the file where that can be done.
Diagnostic error_diagnostic(const Error& error);

/// A header that does not fit: every column that is no field is marked.
Diagnostic header_diagnostic(const Terminal& terminal, const load::LoadOutcome& outcome);

}  // namespace rowgate::cli
