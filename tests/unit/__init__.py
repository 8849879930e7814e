"""Tests of the Pulumi program: no network, no cluster, no Pulumi CLI."""
