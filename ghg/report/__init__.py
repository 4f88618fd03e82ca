"""Pages and pictures made from results. No science."""
