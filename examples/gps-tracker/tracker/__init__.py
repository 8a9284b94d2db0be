"""Positions from devices over MQTT, tracks of them on a map."""
