#include "db/server/session.h"

#include <charconv>

namespace rowgate::db::server {

std::uint64_t number_of(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

Result<std::vector<TextRow>> Session::rows(const std::string& sql, std::span<const Param> params) {
  std::vector<TextRow> found;
  TRY(each(sql, params, [&](TextView row) -> Result<void> {
    found.emplace_back(row.begin(), row.end());
    return {};
  }));
  return found;
}

Result<std::optional<std::string>> Session::first(const std::string& sql, std::span<const Param> params) {
  std::optional<std::string> value;
  bool is_first = true;
  TRY(each(sql, params, [&](TextView row) -> Result<void> {
    if (std::exchange(is_first, false) && row[0]) value = *row[0];
    return {};
  }));
  return value;
}

Result<std::uint64_t> Session::count(const std::string& sql, std::span<const Param> params) {
  TRY_ASSIGN(const std::optional<std::string> text, first(sql, params));
  return number_of(text);
}

}  // namespace rowgate::db::server
