// The commands that work on documents and collections, as the command line describes them.
#include "cli/asked.h"

namespace weir::cli {

void AddDocumentCommands(CLI::App& app, Asked& asked) {
  CLI::App* ingest = AddCommand(
      app, asked, "ingest",
      "read documents into a collection, to search and to ask; run again, it does what is new",
      "  weir ingest ~/papers\n"
      "  weir ingest report.pdf notes.md --collection work --label personal\n"
      "  weir ingest https://example.org/handbook.html --collection web\n"
      "  weir ingest ~/notes --watch --prune\n"
      "  curl -s http://127.0.0.1:8000/page.html | weir ingest - --name page.html --collection web",
      [&] { return Ingest(asked.common, asked.ingest); });
  ingest
      ->add_option("path", asked.ingest.paths,
                   "files, folders, git repositories and web pages; - is standard input")
      ->required();
  ingest->add_option("--collection", asked.ingest.collection,
                     "where they go; without it the first folder's name");
  ingest->add_option("--name", asked.ingest.name, "what to call what comes from standard input");
  ingest->add_option("--label", asked.ingest.label,
                     "public, internal, personal or secret: travels with every passage");
  ingest->add_flag("--prune", asked.ingest.prune,
                   "remove documents of these folders whose files are gone");
  ingest->add_flag("--no-ignore", asked.ingest.no_ignore,
                   "in a git repository, also what git ignores");
  ingest->add_flag("--watch", asked.ingest.watch,
                   "then go on with what changes in these folders, until Ctrl-C");
  CLI::App* search = AddCommand(app, asked, "search", "find passages in a collection",
                                "  weir search papers \"tides in the Baltic\"\n"
                                "  weir search papers -k 3 --json \"spring tide\"",
                                [&] { return Search(asked.common, asked.search); });
  search->add_option("collection", asked.search.collection, "its name")->required();
  search->add_option("query", asked.search.query, "what to look for")->required();
  search->add_option("-k,--count", asked.search.count, "passages at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 50));
  search->add_flag("--rewrite", asked.search.rewrite,
                   "let a model of this machine make a query of the question first");
  search->add_flag("!--no-rerank", asked.search.rerank,
                   "in the order of the search itself, not of a reranking model");
}

void AddCollectionCommands(CLI::App& app, Asked& asked) {
  CLI::App* collections =
      app.add_subcommand("collections", "collections of vectors: list, show, embed, rm");
  collections->require_subcommand(1);
  AddCommand(*collections, asked, "list", "the collections",
             "  weir collections list\n  weir collections list --all --json",
             [&] { return ListCollections(asked.common, asked.collection); })
      ->add_flag("--all", asked.collection.all, "those of all tenants");
  CLI::App* show = AddCommand(*collections, asked, "show", "what a collection holds",
                              "  weir collections show papers",
                              [&] { return ShowCollection(asked.common, asked.collection); });
  CLI::App* embed =
      AddCommand(*collections, asked, "embed", "embed a collection's documents by another model",
                 "  weir collections embed papers --model bge-m3\n"
                 "  weir collections embed papers --cancel",
                 [&] { return EmbedCollection(asked.common, asked.collection); });
  embed->add_option("name", asked.collection.name, "the collection")->required();
  embed->add_option("--model", asked.collection.model,
                    "that embeds it from then on (the one that embedding means)");
  CLI::Option* detach = embed->add_flag("--detach", asked.collection.detach,
                                        "do not wait: the server goes on with it");
  embed
      ->add_flag("--cancel", asked.collection.cancel,
                 "end a change that is under way; the collection stays as it was")
      ->excludes(detach);
  CLI::App* remove =
      AddCommand(*collections, asked, "rm", "remove a collection and all that is in it",
                 "  weir collections rm papers",
                 [&] { return RemoveCollection(asked.common, asked.collection); });
  for (CLI::App* command : {show, remove}) {
    command->add_option("name", asked.collection.name, "name, or alias for show")->required();
    command->add_option("--database", asked.collection.database, "where it is not the default one");
  }
}

}  // namespace weir::cli
