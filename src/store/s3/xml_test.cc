#include "store/s3/xml.h"

#include <gtest/gtest.h>

namespace rowgate::store {
namespace {

TEST(Xml, ReadsWhatS3Answers) {
  const std::optional<XmlElement> root = parse_xml(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a > b -->\n"
      "<List xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\" x='a>b'>\n"
      "  <Key>a&amp;b&#x20AC;&#65;&lt;</Key><Empty/><Empty a=\"b\" /><s3:Size >7</s3:Size\n>"
      "<In><Deep>x<!-- no -->y</Deep></In></List>\n");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->name, "List");
  EXPECT_EQ(root->text_of("Key"),
            "a&b\xE2\x82\xAC"
            "A<");
  EXPECT_EQ(root->text_of("Size"), "7");
  EXPECT_EQ(root->text_of("Empty"), "");
  EXPECT_EQ(root->text_of("Nothing"), "");
  ASSERT_NE(root->child("In"), nullptr);
  EXPECT_EQ(root->child("In")->text_of("Deep"), "xy");
  EXPECT_EQ(root->children.size(), 5u);
}

TEST(Xml, TakesNothingElse) {
  std::string deep;
  for (int i = 0; i < 17; ++i) deep += "<a>";
  for (int i = 0; i < 17; ++i) deep += "</a>";
  const std::string cases[] = {"",
                               "text",
                               "<a>",
                               "<a></b>",
                               "<a></ab>",
                               "<a></a",
                               "<a",
                               "<a><b></a></b>",
                               "<a/><b/>",
                               "<a/>text",
                               "<a>&unknown;</a>",
                               "<a>&amp</a>",
                               "<a>&#0;</a>",
                               "<a>&#xD800;</a>",
                               "<a>&#x110000;</a>",
                               "<a>&#;</a>",
                               "<a>&#65x;</a>",
                               "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                               "<a><![CDATA[b]]></a>",
                               "<a b=\"<\"",
                               "<a <b></a>",
                               "<!-- a",
                               "<? a",
                               "</a>",
                               "<>",
                               deep};
  for (const std::string& text : cases) EXPECT_FALSE(parse_xml(text)) << text;
  EXPECT_TRUE(parse_xml(deep.substr(3, deep.size() - 7)));
}

/// Every prefix of a document, and every document with one byte changed, is read or refused, never more.
TEST(Xml, IsNeverReadBeyondItsEnd) {
  const std::string whole = "<?xml version=\"1.0\"?><a b='c'><!-- d --><e>f&#x41;</e><g/></a>";
  for (std::size_t end = 0; end < whole.size(); ++end)
    EXPECT_FALSE(parse_xml(std::string(whole, 0, end))) << end;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const char c : {'<', '>', '&', ';', '/', '"', '\0', ' '}) {
      std::string changed = whole;
      changed[at] = c;
      (void)parse_xml(changed);
    }
}

TEST(Xml, Escapes) {
  EXPECT_EQ(xml_escaped("\"a\" < b & c > d"), "&quot;a&quot; &lt; b &amp; c &gt; d");
}

}  // namespace
}  // namespace rowgate::store
