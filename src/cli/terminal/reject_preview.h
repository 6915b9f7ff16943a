#pragma once

#include "cli/terminal/render.h"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::cli {

/// Keeps of the rejects of one file what is shown of them: at most 10 per code, the first of each kind (code
/// and field) in any case, and where more of the kind are. So memory stays bounded, however many there are.
class RejectPreview {
 public:
  explicit RejectPreview(std::string file) : file_(std::move(file)) {}
  void add(const load::RefusedRecord& record);
  /// The kept ones in the order of the file.
  std::vector<Diagnostic> take();

 private:
  struct Kind {
    std::uint64_t count = 0, shown = 0;
    std::size_t last_shown = 0;  ///< index into diagnostics_
    std::vector<std::uint64_t> next_lines = {};
  };
  void note_others(const Kind& kind);

  std::string file_;
  std::vector<Diagnostic> diagnostics_ = {};
  std::map<std::pair<Code, std::string>, Kind> kinds_ = {};
  std::map<Code, std::uint64_t> shown_of_code_ = {};
};

}  // namespace rowgate::cli
