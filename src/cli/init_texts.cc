#include "cli/init_texts.h"

namespace rowgate::cli {

std::string starter_settings() {
  return "# rowgate.yaml: where rowgate keeps tables and how it reads files.\n"
         "# Check it with `rowgate config check`; every key has a default.\n"
         "\n"
         "database:\n"
         "  url: sqlite:./data/rowgate.db   # where the tables live\n"
         "\n"
         "storage:\n"
         "  url: file:./data/files          # rejected rows\n"
         "  spool: ./data/spool             # scratch files and the state of runs in flight; always a local "
         "folder\n"
         "\n"
         "limits:\n"
         "  max_rejects: 10%                # more than this and nothing of the file is loaded\n"
         "\n";
}

std::string starter_config() {
  return starter_settings() +
         "# Tables are Frictionless Table Schemas; `rowgate schema infer FILE.csv` prints one made from a "
         "file.\n"
         "# tables:\n"
         "#   people:\n"
         "#     title: People\n"
         "#     schema:\n"
         "#       primaryKey: [id]\n"
         "#       fields:\n"
         "#         - { name: id, type: integer, constraints: { required: true, minimum: 1 } }\n"
         "#         - { name: name, type: string, constraints: { maxLength: 200 } }\n"
         "\n"
         "# Reports are SQL queries with a name: `rowgate report people_per_name`.\n"
         "# reports:\n"
         "#   people_per_name:\n"
         "#     title: How many people have each name\n"
         "#     sql: SELECT name, COUNT(*) AS people FROM people GROUP BY name ORDER BY name\n";
}

}  // namespace rowgate::cli
