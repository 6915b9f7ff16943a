#pragma once

#include <mysql.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace rowgate::db::mysql {

/// The rows of one LOAD DATA LOCAL statement. A server may ask for any file of the client; it gets these
/// bytes, once, when it asks by the name that the statement gave, and an error for all else
/// (https://mariadb.com/kb/en/load-data-infile/, "LOAD DATA LOCAL INFILE" and its security).
class Infile {
 public:
  explicit Infile(std::string_view text);
  const std::string& name() const { return name_; }  ///< no name that was used before
  /// Whether the server asked for what it was told to.
  bool begin(std::string_view asked);
  std::size_t read(char* into, std::size_t size);

 private:
  std::string name_;
  std::string_view text_;
  bool is_open_ = false;
};

/// Every file that the server asks for over this connection is answered from `infile`; without one by an
/// error.
void answer_from_memory(MYSQL* connection, Infile* infile);

}  // namespace rowgate::db::mysql
