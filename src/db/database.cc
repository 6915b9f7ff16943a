#include "db/database.h"

namespace rowgate::db {

std::string_view name(Mode mode) {
  switch (mode) {
    case Mode::Append:
      return "append";
    case Mode::Replace:
      return "replace";
    case Mode::Upsert:
      break;
  }
  return "upsert";
}

}  // namespace rowgate::db
