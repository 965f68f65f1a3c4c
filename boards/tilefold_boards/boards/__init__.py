"""Boards, as data: a file each."""
