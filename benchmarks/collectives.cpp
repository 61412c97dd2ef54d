// Let members of groups send each other what they send, round by round, over a star under SimGrid, by max-min fairness.
//
// Reads: the number of hosts, and of groups; the B/s of every link up and down; then for each group the number of its
// members and of its rounds, its members (hosts), and for each round the number of sends, and source, target (places
// among the members) and bytes of each. Writes the CPU seconds of the run, and when the last member was through.
#include <simgrid/s4u.hpp>
#include <cstdio>
#include <ctime>
#include <set>
#include <string>
#include <vector>
namespace sg = simgrid::s4u;
struct Send { int source, target; double size; };
struct Group { std::vector<int> members; std::vector<std::vector<Send>> rounds; };

int main(int argc, char** argv)
{
  sg::Engine engine(&argc, argv);
  for (const char* option : {"network/model:CM02", "network/TCP-gamma:0", "network/crosstraffic:0", "network/weight-S:0",
                             "network/latency-factor:1", "network/bandwidth-factor:1", "surf/precision:1e-12",
                             "maxmin/precision:1e-6"})
    sg::Engine::set_config(option);
  int hosts, groups;
  double bandwidth;
  if (scanf("%d %d %lf", &hosts, &groups, &bandwidth) != 3) return 1;
  auto* zone = sg::create_full_zone("zone");
  std::vector<sg::Host*> host;
  std::vector<sg::Link*> up, down;
  for (int i = 0; i < hosts; i++) {
    auto name = std::to_string(i);
    host.push_back(zone->create_host("h" + name, 1e9)->seal());
    up.push_back(zone->create_link("u" + name, bandwidth)->set_latency(0)->seal());
    down.push_back(zone->create_link("d" + name, bandwidth)->set_latency(0)->seal());
  }
  std::vector<Group> all(groups);
  std::set<std::pair<int, int>> known;
  for (auto& group : all) {
    int members, rounds, sends;
    if (scanf("%d %d", &members, &rounds) != 2) return 1;
    group.members.resize(members);
    for (int& member : group.members)
      if (scanf("%d", &member) != 1) return 1;
    group.rounds.resize(rounds);
    for (auto& round : group.rounds) {
      if (scanf("%d", &sends) != 1) return 1;
      round.resize(sends);
      for (Send& s : round) {
        if (scanf("%d %d %lf", &s.source, &s.target, &s.size) != 3) return 1;
        int a = group.members[s.source], b = group.members[s.target];
        if (known.emplace(a, b).second)
          zone->add_route(host[a]->get_netpoint(), host[b]->get_netpoint(), nullptr, nullptr,
                          {sg::LinkInRoute(up[a]), sg::LinkInRoute(down[b])}, false);
      }
    }
  }
  zone->seal();
  static char byte;
  for (size_t g = 0; g < all.size(); g++)
    for (size_t m = 0; m < all[g].members.size(); m++)
      sg::Actor::create("a", host[all[g].members[m]], [&all, g, m] {
        auto box = [g](size_t round, int a, int b) {
          return sg::Mailbox::by_name(std::to_string(g) + "." + std::to_string(round) + "." + std::to_string(a) + "." +
                                      std::to_string(b));
        };
        void* got;
        for (size_t r = 0; r < all[g].rounds.size(); r++) {
          std::vector<sg::CommPtr> comms;
          for (const Send& s : all[g].rounds[r]) {
            if (s.target == (int)m) comms.push_back(box(r, s.source, s.target)->get_async<void>(&got));
            if (s.source == (int)m) comms.push_back(box(r, s.source, s.target)->put_async(&byte, s.size));
          }
          for (auto& comm : comms) comm->wait();
        }
      });
  auto before = clock();
  engine.run();
  printf("%.6f %.17g\n", double(clock() - before) / CLOCKS_PER_SEC, sg::Engine::get_clock());
  fflush(stdout);
  _Exit(0);
}
