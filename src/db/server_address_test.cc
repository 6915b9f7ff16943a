#include "db/server_address.h"

#include <gmock/gmock.h>

namespace rowgate::db {
namespace {

using ::testing::HasSubstr;

TEST(ServerAddress, HasAllThatItSays) {
  const auto address =
      read_server_address("mysql://load%40er@db.example.org:3307/hr%2Fdata?tls=require&ca=ca.pem");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->kind, ServerKind::MySql);
  EXPECT_EQ(address->user, "load@er");
  EXPECT_EQ(address->host, "db.example.org");
  EXPECT_EQ(address->port, 3307);
  EXPECT_EQ(address->database, "hr/data");
  EXPECT_EQ(address->tls, Tls::Require);
  EXPECT_EQ(address->ca, "ca.pem");
  EXPECT_EQ(address->shown(), "mysql load@er@db.example.org:3307/hr/data");
}

TEST(ServerAddress, HasDefaults) {
  const auto mysql = read_server_address("mysql://ada@db.example.org/hr");
  EXPECT_EQ(mysql->port, 3306);
  EXPECT_EQ(mysql->tls, Tls::VerifyFull) << "not on loopback";
  const auto postgresql = read_server_address("postgresql://ada@[::1]/hr?schema=people");
  EXPECT_EQ(postgresql->kind, ServerKind::PostgreSql);
  EXPECT_EQ(postgresql->host, "::1");
  EXPECT_EQ(postgresql->port, 5432);
  EXPECT_EQ(postgresql->tls, Tls::Disable);
  EXPECT_EQ(postgresql->schema, "people");
  EXPECT_EQ(postgresql->shown(), "postgresql ada@[::1]:5432/hr.people");
  EXPECT_EQ(read_server_address("postgres://ada@localhost/hr")->schema, "public");
}

struct Wrong {
  const char* url;
  const char* message;
};

TEST(ServerAddress, SaysWhatIsWrong) {
  const Wrong wrong[] = {{"oracle://a@b/c", "begins with none of"},
                         {"mysql://db/hr", "names no user"},
                         {"mysql://ada@db", "names no database"},
                         {"mysql://ada@db/", "names no database"},
                         {"mysql://ada@/hr", "names no host"},
                         {"mysql://ada@db:0/hr", "'0' is no port"},
                         {"mysql://ada@db:70000/hr", "is no port"},
                         {"mysql://ada@[::1/hr", "[ without ]"},
                         {"mysql://ada@db/hr?tls=maybe", "unknown 'tls=maybe'"},
                         {"mysql://ada@db/hr?schema=x", "unknown 'schema=x'"},
                         {"mysql://ada@db/hr?tls", "has no value"},
                         {"mysql://a%zz@db/hr", "broken %"}};
  for (const Wrong& c : wrong) {
    const auto address = read_server_address(c.url);
    ASSERT_FALSE(address) << c.url;
    EXPECT_EQ(address.error().code, Code::ConfigInvalid) << c.url;
    EXPECT_THAT(address.error().message, HasSubstr(c.message)) << c.url;
  }
}

TEST(ServerAddress, APasswordInItIsRefusedAndNotRepeated) {
  const auto address = read_server_address("mysql://ada:sesame@db/hr");
  ASSERT_FALSE(address);
  EXPECT_THAT(to_text(address.error()), HasSubstr("database.password"));
  EXPECT_THAT(to_text(address.error()), Not(HasSubstr("sesame")));
}

}  // namespace
}  // namespace rowgate::db
