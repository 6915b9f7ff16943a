#include "store/identity.h"

#include "base/ids.h"
#include "base/text.h"

#include <array>

namespace rowgate::store {
namespace {

constexpr const char* kKey = "identity";
constexpr std::size_t kLongest = 64;

Result<std::string> read(Store& store) {
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, store.open(kKey));
  std::array<char, kLongest> bytes{};
  TRY_ASSIGN(const std::size_t got, io::read_fully(*source, bytes));
  return std::string(trim_spaces(std::string_view(bytes.data(), got)));
}

}  // namespace

Result<std::string> identity_of(Store& store) {
  Result<std::string> known = read(store);
  if (known || known.error().code != Code::FileNotFound) return known;

  TRY_ASSIGN(const std::unique_ptr<StoreWriter> writer, store.create(kKey));
  TRY(writer->write(new_id("sto_", SystemClock().now()) + "\n"));
  TRY(writer->close());
  return read(store);  // another process may have been quicker to the end
}

}  // namespace rowgate::store
