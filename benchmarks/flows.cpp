// Let flows over a star share its links under SimGrid, by plain max-min fairness.
//
// Reads: the number of hosts; for each the B/s of its link up and of its link down; then for each flow, in the order of
// start, its start in seconds, source, target and bytes. Writes the CPU seconds of the run, and each flow's end.
#include <simgrid/s4u.hpp>
#include <cstdio>
#include <ctime>
#include <set>
#include <string>
#include <vector>
namespace sg = simgrid::s4u;
struct Flow { double start; int source, target; double size; };

int main(int argc, char** argv)
{
  sg::Engine engine(&argc, argv);
  for (const char* option : {"network/model:CM02", "network/TCP-gamma:0", "network/crosstraffic:0", "network/weight-S:0",
                             "network/latency-factor:1", "network/bandwidth-factor:1", "surf/precision:1e-12",
                             "maxmin/precision:1e-6"})
    sg::Engine::set_config(option);
  int hosts;
  if (scanf("%d", &hosts) != 1) return 1;
  auto* zone = sg::create_full_zone("zone");
  std::vector<sg::Host*> host;
  std::vector<sg::Link*> up, down;
  for (int i = 0; i < hosts; i++) {
    double fast_up, fast_down;
    if (scanf("%lf %lf", &fast_up, &fast_down) != 2) return 1;
    auto name = std::to_string(i);
    host.push_back(zone->create_host("h" + name, 1e9)->seal());
    up.push_back(zone->create_link("u" + name, fast_up)->set_latency(0)->seal());
    down.push_back(zone->create_link("d" + name, fast_down)->set_latency(0)->seal());
  }
  std::vector<Flow> flows;
  std::set<std::pair<int, int>> known;
  for (Flow f; scanf("%lf %d %d %lf", &f.start, &f.source, &f.target, &f.size) == 4;) {
    flows.push_back(f);
    if (known.emplace(f.source, f.target).second)
      zone->add_route(host[f.source]->get_netpoint(), host[f.target]->get_netpoint(), nullptr, nullptr,
                      {sg::LinkInRoute(up[f.source]), sg::LinkInRoute(down[f.target])}, false);
  }
  zone->seal();
  std::vector<sg::CommPtr> comms;
  sg::Actor::create("main", host[0], [&] {
    for (const auto& f : flows) {
      if (f.start > 0) sg::this_actor::sleep_until(f.start);
      comms.push_back(sg::Comm::sendto_init(host[f.source], host[f.target])->set_payload_size(f.size));
      comms.back()->start();
    }
    for (auto& comm : comms) comm->wait();
  });
  auto before = clock();
  engine.run();
  printf("%.6f\n", double(clock() - before) / CLOCKS_PER_SEC);
  for (auto& comm : comms) printf("%.17g\n", comm->get_finish_time());
  fflush(stdout);
  _Exit(0);
}
