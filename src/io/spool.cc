#include "io/descriptor.h"
#include "io/files.h"
#include "io/stored_file.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rowgate::io {
namespace {

class StandardInput : public Source {
 public:
  Result<std::size_t> read(std::span<char> into) override {
    for (;;) {
      const ssize_t got = ::read(STDIN_FILENO, into.data(), into.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      // Some parents hand down a pipe that does not block.
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (errno == EAGAIN)
        ::poll(&input, 1, -1);
      else if (errno != EINTR)
        return fail(Code::FileUnreadable, std::string("cannot read standard input: ") + std::strerror(errno));
    }
  }
};

}  // namespace

std::unique_ptr<Source> standard_input() {
  return std::make_unique<StandardInput>();
}

Result<std::shared_ptr<SourceFile>> spool(Source& stream, const std::filesystem::path& folder,
                                          std::string shown_name, std::size_t memory_bytes) {
  auto stored = std::make_shared<StoredBytes>();
  stored->name = std::move(shown_name);
  Sha256 hash;
  std::string memory;
  Descriptor file;
  std::string piece(256 * 1024, '\0');
  for (;;) {
    TRY_ASSIGN(const std::size_t got, stream.read(piece));
    if (got == 0) break;
    const std::string_view bytes(piece.data(), got);
    hash.update(bytes);
    stored->size += got;
    if (!file && memory.size() + got <= memory_bytes) {
      memory += bytes;
      continue;
    }
    if (!file) {
      TRY_ASSIGN(file, open_unlinked(folder));
      TRY(write_fully(file.get(), memory, folder));
      std::string().swap(memory);  // `= {}` would keep the memory
    }
    TRY(write_fully(file.get(), bytes, folder));
  }
  if (file)
    stored->bytes = std::move(file);
  else
    stored->bytes = std::move(memory);
  stored->sha256 = hash.hex();
  return stored_file(std::move(stored));
}

}  // namespace rowgate::io
