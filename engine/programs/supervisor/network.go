// The network of a machine: loopback, a bridge for nested machines, a link upwards, routes. Only netlink is used, so
// that a bare host needs no network tools.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
)

// uplinkName is the end of the link that a nested machine sees.
const uplinkName = "eth0"

func setUpNetwork(network Network) error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("turning on forwarding: %w", err)
	}
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding loopback: %w", err)
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("setting loopback up: %w", err)
	}
	if bridge := network.Bridge; bridge != nil {
		link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridge.Name}}
		if err := netlink.LinkAdd(link); err != nil {
			return fmt.Errorf("making the bridge %s (the kernel needs CONFIG_BRIDGE): %w", bridge.Name, err)
		}
		if err := setUpLink(link, bridge.Address); err != nil {
			return err
		}
	}
	if uplink := network.Uplink; uplink != nil {
		link, err := netlink.LinkByName(uplinkName)
		if err != nil {
			return fmt.Errorf("finding the link to the machine around: %w", err)
		}
		if err := setUpLink(link, uplink.Address); err != nil {
			return err
		}
		if err := addRoute("0.0.0.0/0", uplink.Gateway); err != nil {
			return err
		}
	}
	for _, route := range network.Routes {
		if err := addRoute(route.To, route.Via); err != nil {
			return err
		}
	}
	return nil
}

func setUpLink(link netlink.Link, address string) error {
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	if err := netlink.AddrAdd(link, parsed); err != nil {
		return fmt.Errorf("giving %s the address %s: %w", link.Attrs().Name, address, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting %s up: %w", link.Attrs().Name, err)
	}
	return nil
}

func addRoute(to, via string) error {
	_, destination, err := net.ParseCIDR(to)
	if err != nil {
		return err
	}
	if err := netlink.RouteAdd(&netlink.Route{Dst: destination, Gw: net.ParseIP(via)}); err != nil {
		return fmt.Errorf("routing %s through %s: %w", to, via, err)
	}
	return nil
}

// link joins the nested machine with this PID to the bridge.
func link(bridge, name string, pid int) error {
	master, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("finding the bridge %s: %w", bridge, err)
	}
	// The kernel takes a dead machine's link away some time after its last process.
	if old, err := netlink.LinkByName(name); err == nil {
		var missing netlink.LinkNotFoundError
		if err := netlink.LinkDel(old); err != nil && !errors.As(err, &missing) {
			return fmt.Errorf("removing the old link %s: %w", name, err)
		}
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	attributes.MasterIndex = master.Attrs().Index
	veth := &netlink.Veth{LinkAttrs: attributes, PeerName: uplinkName, PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("making the link to %s (the kernel needs CONFIG_VETH): %w", name, err)
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return fmt.Errorf("setting the link to %s up: %w", name, err)
	}
	return nil
}
