#include "db/grants.h"

#include <fmt/format.h>

namespace rowgate::db {
namespace {

std::string in_quotes(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || (quote == '\'' && c == '\\')) out += c;
    out += c;
  }
  return out + quote;
}

/// In a GRANT on a whole database its name is a pattern
/// (https://mariadb.com/kb/en/grant/#database-privileges).
std::string as_pattern(std::string_view space) {
  std::string out;
  for (const char c : space) {
    if (c == '_' || c == '%' || c == '\\') out += '\\';
    out += c;
  }
  return in_quotes(out, '`');
}

constexpr std::string_view kWhyAll =
    "-- Tables are made and replaced under names of rowgate's own, so rights on single tables do not do.\n";

std::string mysql_grants(const GrantsRequest& request) {
  const auto grant = [&](std::string_view rights, const ServerAddress& to) {
    std::string sql;
    for (const std::string& space : request.spaces)
      sql += fmt::format("GRANT {} ON {}.* TO {}@{};\n", rights, as_pattern(space), in_quotes(to.user, '\''),
                         in_quotes(request.host, '\''));
    return sql;
  };
  std::string rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, CREATE TEMPORARY TABLES";
  if (request.enforce_keys) rights += ", REFERENCES";
  std::string sql = fmt::format("-- {}: loads, and what rowgate keeps of its runs.\n{}{}",
                                request.loader.user, kWhyAll, grant(rights, request.loader));
  if (request.reader)
    sql += fmt::format("-- {}: reports.\n{}", request.reader->user, grant("SELECT", *request.reader));
  return sql;
}

std::string postgresql_grants(const GrantsRequest& request) {
  const std::string loader = in_quotes(request.loader.user, '"');
  std::string sql =
      fmt::format("-- {}: loads, and what rowgate keeps of its runs.\n{}", request.loader.user, kWhyAll);
  sql += "-- It owns the tables that it makes; one that is there already must be made its own:\n";
  sql += fmt::format("--   ALTER TABLE ... OWNER TO {};\n", loader);
  sql += fmt::format("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {};\n",
                     in_quotes(request.loader.database, '"'), loader);
  for (const std::string& space : request.spaces)
    sql += fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {};\n", in_quotes(space, '"'), loader);
  if (!request.reader) return sql;
  const std::string reader = in_quotes(request.reader->user, '"');
  sql +=
      fmt::format("-- {}: reports; of the tables that {} makes from now on, and of those that are there.\n",
                  request.reader->user, request.loader.user);
  sql +=
      fmt::format("GRANT CONNECT ON DATABASE {} TO {};\n", in_quotes(request.reader->database, '"'), reader);
  for (const std::string& space : request.spaces) {
    const std::string name = in_quotes(space, '"');
    sql += fmt::format("GRANT USAGE ON SCHEMA {} TO {};\n", name, reader);
    sql += fmt::format("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT ON TABLES TO {};\n",
                       loader, name, reader);
    sql += fmt::format("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {};\n", name, reader);
  }
  return sql;
}

}  // namespace

std::string grants_sql(const GrantsRequest& request) {
  return request.loader.kind == ServerKind::MySql ? mysql_grants(request) : postgresql_grants(request);
}

}  // namespace rowgate::db
